"""The admin client: topics and the cluster's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectrt.kafka.adapter.connection import Connection
from connectrt.kafka.client import TopicDescription
from connectrt.kafka.client_config import Client

REQUEST_TIMEOUT_S = 10.0


class ConfluentAdmin:
    """See `client.Admin`. The library's admin client is thread-safe."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._connection = Connection(Client.ADMIN, config)
        self._client = self._connection.build(AdminClient)

    def cluster_id(self) -> str:
        try:
            return self._client.describe_cluster(request_timeout=REQUEST_TIMEOUT_S).result().cluster_id or ""
        except KafkaException as error:
            raise self._error(error) from error

    def describe_topics(self, names: Collection[str]) -> Mapping[str, TopicDescription]:
        if not names:
            return {}
        found = {}
        futures = self._client.describe_topics(TopicCollection(list(names)), request_timeout=REQUEST_TIMEOUT_S)
        for name, future in futures.items():
            try:
                partitions = future.result().partitions
            except KafkaException as error:
                if error.args[0].name() != "UNKNOWN_TOPIC_OR_PART":
                    raise self._error(error, name) from error
            else:
                found[name] = TopicDescription(name, len(partitions), len(partitions[0].replicas))
        return found

    def create_topic(self, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]) -> bool:
        topic = NewTopic(name, partitions, replication_factor, config=dict(config))
        [future] = self._client.create_topics([topic], request_timeout=REQUEST_TIMEOUT_S).values()
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].name() == "TOPIC_ALREADY_EXISTS":
                return False
            raise self._error(error, name) from error
        return True

    def _error(self, error: KafkaException, topic: str = "") -> Exception:
        self._client.poll(0)  # what the connections have to say, before it is asked for
        return self._connection.error(error.args[0], topic)

    def close(self) -> None:
        self._client.poll(0)
