"""A certificate authority that is trusted, and what Traefik makes for itself while it has no certificate."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(name: str, host: str | None, issuer: Pair | None, *, ends: datetime = NOW + YEAR) -> Pair:
    """A certificate for `host`, or an authority's own for None; signed by itself without an `issuer`."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer[0].subject if issuer else _name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * YEAR)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Makes server contexts, of each kind once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = _sign("Authority of a test", None, None)
        self.for_host = cache(self._for_host)
        self.expired = cache(self._expired)
        self.traefiks = cache(self._traefiks)
        self.strangers = cache(self._strangers)

    def trust(self) -> ssl.SSLContext:
        """The product's kind of context, which trusts this authority alone."""
        return ssl.create_default_context(cadata=self.pem())

    def pem(self) -> str:
        """This authority's own certificate, as a file for its users holds it."""
        return _pem(self._root[0]).decode()

    def _for_host(self, host: str) -> ssl.SSLContext:
        return self._context(_sign(host, host, self._root))

    def _expired(self, host: str) -> ssl.SSLContext:
        return self._context(_sign(host, host, self._root, ends=NOW - YEAR))

    def _traefiks(self) -> ssl.SSLContext:
        """As in Traefik 3.6, pkg/tls/generate/generate.go."""
        return self._context(_sign("TRAEFIK DEFAULT CERT", "0a1b.2c3d.traefik.default", None))

    def _strangers(self, host: str) -> ssl.SSLContext:
        """Good for the host, signed by itself."""
        return self._context(_sign(host, host, None))

    def _context(self, pair: Pair) -> ssl.SSLContext:
        certificate, key = pair
        file = self._folder / f"{certificate.serial_number}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + _pem(certificate)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context
