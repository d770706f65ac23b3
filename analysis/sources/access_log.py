"""Access logs as text: Envoy and Istio, nginx, Apache.

**Who exports it.** Envoy and Istio's sidecars (``kubectl logs POD -c istio-proxy``), nginx' ``access.log``, Apache's,
Traefik's in the common format.

**What is read.** Time, request, status; of Envoy and Istio the response flags (``UO`` an open breaker, ``UF`` no
connection, ``UH`` no healthy host, ``URX`` retries used up, ``RL`` rate limited, ``UT`` timeout …), the upstream
cluster and the request id; of nginx how many upstreams were tried, from the comma lists of ``$upstream_addr``; trace
ids from a ``traceparent`` that the format was made to hold.

**What is assumed.** A request id is no trace: it is kept, and joins nothing. Lines that name no service are of the
service that the file is named after.
"""

from __future__ import annotations

from typing import Final

from analysis.sources._log_access import access_fields
from analysis.sources._log_lines import is_beginning
from analysis.sources._log_lines import read_lines as read
from analysis.sources._log_sniff import first_lines, mostly

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "access-log"
TITLE: Final = "Access logs: Envoy, Istio, nginx, Apache"
DESCRIPTION: Final = __doc__ or ""


def sniff(head: bytes) -> bool:
    """Return whether most of the first lines are of an access log."""
    return mostly(
        [line for line in first_lines(head) if is_beginning(line)], lambda line: access_fields(line) is not None
    )
