"""The kernel in which notebooks of a report run: this interpreter and this package, whatever the user has set up."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Unicode
from traitlets.config import Config

import analysis
from analysis._progress import QUIET

__all__ = ["ReportKernel", "kernel_config"]

_PACKAGE_HOME: Final = Path(analysis.__file__).resolve().parent.parent


class ReportKernel(AsyncKernelManager):
    """Starts IPython's kernel on this interpreter; what the kernel itself says goes to a file, not to the terminal."""

    diary = Unicode(help="File for what the kernel process prints outside of cells").tag(config=True)
    ipython_folder = Unicode(help="Folder of IPython's own files: empty, so that no profile is read").tag(config=True)

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started; kernels that are registered on the machine are not asked."""
        paths = [str(_PACKAGE_HOME), os.environ.get("PYTHONPATH", "")]
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            # By signal, an idle kernel that is being shut down reports the interruption as an error.
            interrupt_mode="message",
            metadata={"supported_encryption": ["curve"]},
            env={
                "IPYTHONDIR": self.ipython_folder,
                # Figures come as data, which the page draws.
                "PLOTLY_RENDERER": "plotly_mimetype",
                QUIET: "1",
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            },
        )

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        with Path(self.diary).open("ab") as diary:  # noqa: ASYNC230 - one kernel, one loop: nothing else waits
            await super()._async_launch_kernel(kernel_cmd, **{**kw, "stdout": diary, "stderr": diary})


def kernel_config(diary: Path, scratch: Path) -> Config:
    """Return the settings of one kernel.

    Parameters
    ----------
    diary
        File for what the kernel process prints outside of cells.
    scratch
        A folder of this kernel alone, for its connection file and for IPython's own files.
    """
    return Config(
        {
            "ReportKernel": {
                "diary": str(diary),
                "ipython_folder": str(scratch / "ipython"),
                "connection_file": str(scratch / "connection.json"),
                # What is said to kernels is encrypted where they can: nobody else on the machine can listen.
                "transport_encryption": "auto",
            }
        }
    )
