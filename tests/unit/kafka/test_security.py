"""SASL and TLS settings of Java, and that no secret ever stands in an error."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrt.errors import ConfigError
from connectrt.kafka.security import parse_jaas, translate_sasl, translate_stores

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
KERBEROS = "com.sun.security.auth.module.Krb5LoginModule required"


@pytest.mark.parametrize(("options", "expected"), [
    ('username="u" password="p";', {"username": "u", "password": "p"}),
    ("  username='u'\n  password='a;b=c \"d\"' ;  ", {"username": "u", "password": 'a;b=c "d"'}),
    (r'username=u password="a\"b\\c";', {"username": "u", "password": r'a"b\c'}),
    ('username="" password=" ";', {"username": "", "password": " "}),
    (";", {}),
])
def test_a_jaas_line_is_read_as_java_reads_it(options: str, expected: dict[str, str]) -> None:
    assert parse_jaas(f"{PLAIN} {options}") == ("PlainLoginModule", expected)


@pytest.mark.parametrize("text", [
    "", "secret", f"{PLAIN} username=secret", f'{PLAIN} password="secret;', "Module secret;",
])
def test_a_broken_jaas_line_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^sasl\.jaas\.config: ") as caught:
        parse_jaas(text)
    assert "secret" not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for each in (text, f"{PLAIN} {text}"):
        with contextlib.suppress(ConfigError):
            parse_jaas(each)


@given(st.text(), st.text())
def test_quoted_options_are_read_as_they_were_written(username: str, password: str) -> None:
    quoted = [re.sub(r'(["\\])', r"\\\1", each) for each in (username, password)]
    found = parse_jaas(f'{PLAIN} username="{quoted[0]}" password="{quoted[1]}";')
    assert found.options == {"username": username, "password": password}


@pytest.mark.parametrize(("config", "expected"), [
    ({}, {}),
    ({"sasl.mechanism": "PLAIN", "sasl.jaas.config": f'{PLAIN} username="u" password="p";'},
     {"sasl.mechanism": "PLAIN", "sasl.username": "u", "sasl.password": "p"}),
    ({"sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": f'{SCRAM} username="u" password="p";'},
     {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "u", "sasl.password": "p"}),
    ({"sasl.mechanism": "GSSAPI", "sasl.jaas.config": f'{KERBEROS} useKeyTab=true keyTab="/k" principal="p@R";'},
     {"sasl.mechanism": "GSSAPI", "sasl.kerberos.keytab": "/k", "sasl.kerberos.principal": "p@R"}),
    ({"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": "https://idp/token",
      "sasl.login.callback.handler.class":
          "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
      "sasl.jaas.config": f'{OAUTH} clientId="c" clientSecret="s" scope="k" extension_tenant="t";'},
     {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "c",
      "sasl.oauthbearer.client.secret": "s", "sasl.oauthbearer.scope": "k",
      "sasl.oauthbearer.extensions": "tenant=t"}),
    ({"sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": f'{OAUTH} unsecuredLoginStringClaim_sub="me";'},
     {"sasl.mechanism": "OAUTHBEARER", "enable.sasl.oauthbearer.unsecure.jwt": "true",
      "sasl.oauthbearer.config": "principal=me"}),
])
def test_a_login_keeps_its_meaning(config: dict[str, str], expected: dict[str, str]) -> None:
    assert translate_sasl(config) == expected


@pytest.mark.parametrize(("config", "why"), [
    ({"sasl.mechanism": "AWS_MSK_IAM"}, "use SASL/SCRAM"),
    ({"sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;"}, "use SASL/SCRAM"),
    ({"sasl.jaas.config": "com.example.MyLoginModule required;"}, "MyLoginModule is not known; there are Plain"),
    ({"sasl.jaas.config": f'{PLAIN} username="u";'}, "password missing"),
    ({"sasl.login.callback.handler.class": "com.example.Handler"}, "handlers are Java code"),
    ({"sasl.mechanism": "OAUTHBEARER"}, r"needs sasl\.oauthbearer\.token\.endpoint\.url"),
])
def test_a_login_that_java_code_would_make_is_refused_with_the_cure(config: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        translate_sasl(config)


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, str]:
    contents = {"jks": b"\xfe\xed\xfe\xed\0\0", "p12": b"\x30\x82\x01", "pem": b"# mine\n-----BEGIN CERTIFICATE-----\n"}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in [*contents, "absent"]}


def test_stores_are_known_by_what_is_in_them(stores: dict[str, str]) -> None:
    assert translate_stores({"ssl.truststore.location": stores["pem"], "ssl.truststore.type": "JKS"}) == {
        "ssl.ca.location": stores["pem"]}
    assert translate_stores({"ssl.keystore.location": stores["pem"]}) == {
        "ssl.certificate.location": stores["pem"], "ssl.key.location": stores["pem"]}
    assert translate_stores({"ssl.keystore.location": stores["p12"], "ssl.keystore.password": "p"}) == {
        "ssl.keystore.location": stores["p12"], "ssl.keystore.password": "p"}
    assert translate_stores({"ssl.truststore.location": "", "ssl.keystore.location": ""}) == {}


@pytest.mark.parametrize(("key", "store", "cure"), [
    ("ssl.truststore.location", "p12", r"PKCS12 store .*openssl pkcs12 -in \S+/p12 -nokeys"),
    ("ssl.truststore.location", "jks", r"JKS store .*keytool -importkeystore -srckeystore \S+/jks .*openssl pkcs12"),
    ("ssl.keystore.location", "jks", r"JKS store .*keytool .*key\.p12"),
    ("ssl.keystore.location", "absent", "absent cannot be read: No such file"),
])
def test_a_store_that_only_java_reads_comes_with_the_commands_to_convert_it(
        stores: dict[str, str], key: str, store: str, cure: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: .*{cure}"):
        translate_stores({key: stores[store]})
