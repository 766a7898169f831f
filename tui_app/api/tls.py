"""Owns what is trusted: the system's certificates, or the CA bundle of the connection."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import truststore

from tui_app.api.errors import CertificateError

if TYPE_CHECKING:
    from pathlib import Path


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a verifying context for TLS 1.2 and newer.

    Raises:
        CertificateError: the configured bundle cannot be read.
    """
    if ca_bundle is None:
        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        try:
            context = ssl.create_default_context(cafile=ca_bundle)
        except OSError as error:
            reason = error.strerror or "it holds no certificate"
            raise CertificateError(
                "No secure connection can be made.",
                cause=f"The CA bundle {ca_bundle} cannot be used: {reason}.",
                next_step="Point ca_bundle at a PEM file of certificates, or leave it out for the system's own.",
            ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
