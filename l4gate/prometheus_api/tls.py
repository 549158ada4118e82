"""What went wrong before HTTP began: the reason that TLS itself gives, and what to do about it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Final

_UNKNOWN: Final = (
    "have REQUESTS_CA_BUNDLE name a file with the authority's certificate, or mend the chain that is sent."
)
# X509_V_ERR_... of openssl/x509_vfy.h, stable since OpenSSL 1.0.2.
_BY_CODE: Final = {
    9: "compare the clocks of both machines, or wait until the certificate is valid.",
    10: "renew the server's certificate, or set this machine's clock.",
    18: "have REQUESTS_CA_BUNDLE name a file with that certificate, if it is the right one.",
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: "have the server's certificate issued anew: it was revoked.",
    62: "give the URL with a name that is in the certificate.",
    64: "give the URL with a name, or an address, that is in the certificate.",
}
_CERTIFICATE: Final = "check the server's certificate and REQUESTS_CA_BUNDLE."
# With TLS 1.3 a server that wants a certificate of its clients may have gone before its reason is read.
CLOSED: Final = (
    "the other side closed the connection: give it L4_CLIENT_CERT if it wants a certificate, or read its log."
)
# By how OpenSSL's reason begins; its newer versions have other words for the same.
_BY_REASON: Final = (
    (
        ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"),
        "what answers there does not speak TLS: give the URL with http://, or another port.",
    ),
    (
        ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"),
        "have the server speak TLS 1.2 or later.",
    ),
    (
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_UNKNOWN_CA"),
        "the server wants a certificate of its clients: give one that it knows with L4_CLIENT_CERT and L4_CLIENT_KEY.",
    ),
    (
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "TLSV1_ALERT_INSUFFICIENT_SECURITY"),
        "give a certificate with L4_CLIENT_CERT if it wants one, or compare the versions and ciphers that it takes.",
    ),
    (
        ("TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_UNRECOGNIZED_NAME"),
        "give the URL with a name that the server knows.",
    ),
    (("NO_CERTIFICATE_OR_CRL_FOUND", "PEM"), "have REQUESTS_CA_BUNDLE name a file with certificates in PEM."),
    (
        ("UNEXPECTED_EOF", "EOF"),
        CLOSED,
    ),
)
_HANDSHAKE: Final = "check that the port speaks TLS, and read the server's log."


def tls_failure(error: BaseException) -> tuple[str, str] | None:
    """What TLS says in the innermost of an error's causes, and the next step; None where it was not TLS that failed."""
    found = [each for each in _within(error) if isinstance(each, ssl.SSLError)]
    if not found:
        return None
    failed = found[-1]
    if isinstance(failed, ssl.SSLCertVerificationError):
        said = failed.verify_message.rstrip(".")
        return f"the server's certificate was not accepted: {said}", _BY_CODE.get(
            failed.verify_code, _CERTIFICATE
        )
    reason = failed.reason or ("EOF" if isinstance(failed, ssl.SSLEOFError | ssl.SSLZeroReturnError) else "")
    said = re.sub(r"^\[[^\]]*\] *| *\(_ssl\.c:\d+\)$", "", failed.strerror or str(failed)).strip().rstrip(".")
    named = f" ({reason})" if reason and reason != "EOF" else ""
    for reasons, step in _BY_REASON:
        if reason.startswith(reasons):
            return f"the handshake failed: {said}{named}", step
    return f"the handshake failed: {said or type(failed).__name__}{named}", _HANDSHAKE


def _within(error: BaseException) -> Iterator[BaseException]:
    """An error and those in it, from the outermost to the innermost."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
        waiting += [one for one in inner if isinstance(one, BaseException)]
