"""Translate Java's sasl.* and ssl.* keys to librdkafka's. No error ever names a secret.

Java reads key stores and a JAAS line; librdkafka reads PEM files, PKCS#12 and plain user names and passwords.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from connectrt.errors import ConfigError

_MODULE = re.compile(r"\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b", re.IGNORECASE)
_OPTION = re.compile(r"""\s*([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))""", re.DOTALL)
_END = re.compile(r"\s*;\s*$")

_TO_PEM = "openssl pkcs12 -in {store} -nokeys -out ca.pem, then set ssl.truststore.location=ca.pem and type PEM"
_JKS_TO_P12 = "keytool -importkeystore -srckeystore {store} -destkeystore {name}.p12 -deststoretype PKCS12"
_MSK = "AWS_MSK_IAM exists in Java only: use SASL/SCRAM, or OAUTHBEARER with a token endpoint"


class Jaas(NamedTuple):
    """One login module and its options."""

    module: str
    options: Mapping[str, str]


def parse_jaas(text: str) -> Jaas:
    """Parse `Module required name="value" ...;`. Raises ConfigError, without the text."""
    module = _MODULE.match(text)
    if module is None:
        raise _fault("sasl.jaas.config", 'write it as `<LoginModule class> required username="..." password="...";`')
    options, at = {}, module.end()
    while option := _OPTION.match(text, at):
        name, double, single, bare = option.groups()
        quoted = double if double is not None else single
        options[name] = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        at = option.end()
    if not _END.match(text, at):
        raise _fault("sasl.jaas.config", f"it breaks off after {len(options)} options: write each as name=\"value\", "
                                         "and a semicolon at the end")
    return Jaas(module[1].rpartition(".")[2], options)


def translate_sasl(config: Mapping[str, str]) -> Mapping[str, str]:
    """Return librdkafka's keys for `sasl.*`. Raises ConfigError."""
    mechanism = config.get("sasl.mechanism", "")
    handlers = " ".join(config.get(f"sasl.{side}.callback.handler.class", "") for side in ("login", "client"))
    if mechanism == "AWS_MSK_IAM" or "msk.auth.iam" in handlers:
        raise _fault("sasl.mechanism", _MSK)
    if handlers.strip() and "OAuthBearerLoginCallbackHandler" not in handlers:
        raise _fault("sasl.login.callback.handler.class", "callback handlers are Java code; use PLAIN, SCRAM, GSSAPI, "
                                                          "or OAUTHBEARER with sasl.oauthbearer.token.endpoint.url")
    found = {}
    if mechanism:
        found["sasl.mechanism"] = mechanism
    if "sasl.jaas.config" in config:
        jaas = parse_jaas(config["sasl.jaas.config"])
        translate = _JAAS_MODULES.get(jaas.module)
        if translate is None:
            raise _fault("sasl.jaas.config", _MSK if jaas.module == "IAMLoginModule" else
                         f"login module {jaas.module} is not known; there are {', '.join(_JAAS_MODULES)}")
        found |= translate(jaas.options)
    if "sasl.oauthbearer.token.endpoint.url" in config:
        found["sasl.oauthbearer.method"] = "oidc"
    elif mechanism == "OAUTHBEARER" and "sasl.oauthbearer.config" not in found:
        raise _fault("sasl.mechanism", "OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, and clientId and "
                                       "clientSecret in sasl.jaas.config")
    return found


def _password_login(options: Mapping[str, str]) -> Mapping[str, str]:
    if missing := [name for name in ("username", "password") if name not in options]:
        raise _fault("sasl.jaas.config", f"{' and '.join(missing)} missing")
    return {"sasl.username": options["username"], "sasl.password": options["password"]}


def _oauth(options: Mapping[str, str]) -> Mapping[str, str]:
    found = {f"sasl.oauthbearer.{ours}": options[theirs] for theirs, ours in (
        ("clientId", "client.id"), ("clientSecret", "client.secret"), ("scope", "scope")) if theirs in options}
    extensions = [f"{name.removeprefix('extension_')}={value}" for name, value in options.items()
                  if name.startswith("extension_")]
    if extensions:
        found["sasl.oauthbearer.extensions"] = ",".join(extensions)
    if subject := options.get("unsecuredLoginStringClaim_sub"):
        found |= {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": f"principal={subject}"}
    return found


def _kerberos(options: Mapping[str, str]) -> Mapping[str, str]:
    return {f"sasl.kerberos.{ours}": options[theirs] for theirs, ours in (
        ("keyTab", "keytab"), ("principal", "principal"), ("serviceName", "service.name")) if theirs in options}


_JAAS_MODULES: dict[str, Callable[[Mapping[str, str]], Mapping[str, str]]] = {
    "PlainLoginModule": _password_login,
    "ScramLoginModule": _password_login,
    "OAuthBearerLoginModule": _oauth,
    "Krb5LoginModule": _kerberos,
}


def translate_stores(config: Mapping[str, str]) -> Mapping[str, str]:
    """Return librdkafka's keys for `ssl.truststore.*` and `ssl.keystore.*`. Raises ConfigError."""
    found = {}
    if store := config.get("ssl.truststore.location"):
        kind = _store_kind(config, "ssl.truststore", store)
        if kind != "PEM":
            steps = _TO_PEM if kind == "PKCS12" else f"{_JKS_TO_P12}; {_TO_PEM.replace('{store}', 'trust.p12')}"
            raise _fault("ssl.truststore.location",
                         f"a {kind} store can be read by Java only. {steps.format(store=store, name='trust')}")
        found["ssl.ca.location"] = store
    if store := config.get("ssl.keystore.location"):
        kind = _store_kind(config, "ssl.keystore", store)
        if kind == "JKS":
            raise _fault("ssl.keystore.location", "a JKS store can be read by Java only. "
                         f"{_JKS_TO_P12.format(store=store, name='key')}, then set ssl.keystore.location=key.p12")
        if kind == "PEM":
            found |= {"ssl.certificate.location": store, "ssl.key.location": store}
        else:
            found["ssl.keystore.location"] = store
            if password := config.get("ssl.keystore.password"):
                found["ssl.keystore.password"] = password
    return found


def _store_kind(config: Mapping[str, str], prefix: str, store: str) -> str:
    """Look into the file rather than at the type: Java's default type, JKS, stands for either kind of store."""
    try:
        with Path(store).open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise _fault(f"{prefix}.location", f"{store} cannot be read: {error.strerror}") from error
    if head.startswith(b"\xfe\xed\xfe\xed"):
        return "JKS"
    return "PEM" if b"-----BEGIN " in head or config.get(f"{prefix}.type", "").upper() == "PEM" else "PKCS12"


def _fault(key: str, why: str) -> ConfigError:
    return ConfigError(key, text=f"{key}: {why}")
