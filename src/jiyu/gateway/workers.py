"""Several processes under one parent, which only watches over them."""

from __future__ import annotations

import contextlib
import os
import signal

from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """uvicorn's, but ``SIGHUP`` reads the policy anew instead of starting all processes anew.

    One of them reads and activates it; the others follow by the store within seconds.  No socket
    is cut off, and a policy that cannot be used ends nobody.
    """

    def handle_hup(self) -> None:
        """Hand the signal on to the first process that lives."""
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)
                    return
