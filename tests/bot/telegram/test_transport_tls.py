"""Whom the transport believes: the certificates of the system, or those of SSL_CERT_FILE."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.bot.telegram.raw import raw, says_good

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from bot.telegram.transport import Unsent
from tests.bot.telegram.raw import fault, pool, post
async def main():
    async with pool() as request:
        if sys.argv[2] == "True":
            assert (await post(request, sys.argv[1]))[0] == 200
        else:
            assert type(await fault(request, sys.argv[1])) is Unsent
asyncio.run(main())
"""


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass
class Authority:
    """Signs servers' certificates."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        own = (
            self._build(self._name, self._key)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(_SIGNS, critical=True)
        )
        self.file = self.folder / "authority.pem"
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )

    def server(self, host: str) -> ssl.SSLContext:
        """What a server of that name shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            self._build(x509.Name([]), key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self.folder / f"{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@pytest.mark.parametrize(
    ("host", "trusted", "believed"),
    [("localhost", True, True), ("localhost", False, False), ("elsewhere.example", True, False)],
    ids=["ours", "unknown authority", "another's name"],
)
async def test_who_is_believed(tmp_path: Path, host: str, trusted: bool, believed: bool) -> None:
    """R-10 Only a server with a certificate for its name, by a trusted authority, sees a request; else it is unsent."""
    authority = Authority(tmp_path)
    env = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT")}
    if trusted:
        env["SSL_CERT_FILE"] = str(authority.file)  # read once, as the program starts
    async with raw(says_good, authority.server(host)) as server:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, server.url, str(believed), cwd=ROOT, env=env
        )
        assert await asyncio.wait_for(program.wait(), 60) == 0
        assert len(server.bodies) == believed
