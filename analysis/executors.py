"""Where work runs: threads, processes or a cluster, each through ``concurrent.futures.Executor`` alone.

Tasks are functions of this package with small arguments; what is large is named by where it lies. A task may run twice,
when a worker died: then it gives the same answer, and files that it writes are whole or absent.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing import get_context
from typing import Any, Final, Protocol, TypeVar, cast

__all__ = [
    "Engine",
    "EngineLost",
    "in_order",
    "open_executor",
    "outcome",
    "shares_disk",
    "shares_memory",
    "worker_count",
]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

#: Tasks given to each worker beyond the one it works on, so that it need not wait for the next.
_AHEAD: Final = 2
#: How long one waits for a result before looking whether the cluster is still there, s.
_PATIENCE: Final = 2.0


class Client(Protocol):
    """What a ``distributed.Client`` offers."""

    def get_executor(self) -> Executor:
        """Return an executor that works on the cluster."""


#: The name of an engine, an executor, or a client of a Dask cluster.
Engine = str | Executor | Client


class EngineLost(RuntimeError):  # noqa: N818 - it names what the user meets, as UnreadableExport does
    """Workers, or the scheduler that led them, are gone; the message says what to do. Nothing is half-written."""


def open_executor(engine: Engine = "threads") -> AbstractContextManager[Executor]:
    """Open the executor that an engine stands for.

    Parameters
    ----------
    engine
        ``threads`` (kernels release the interpreter lock), ``processes``, as many as there are processors or as is
        said (``threads=4``), ``dask=tcp://host:port``, an executor or a ``distributed.Client`` of one's own, which is
        used and not closed.

    Raises
    ------
    ValueError
        If the name is none of these.
    """
    if isinstance(engine, Executor):
        return nullcontext(engine)
    if not isinstance(engine, str):
        return nullcontext(engine.get_executor())
    kind, _, told = engine.partition("=")
    if kind == "dask" and told:
        return _dask_executor(told)
    # As many as there are processors, unless it is said: "threads=4".
    workers = int(told) if told.isdecimal() else os.cpu_count() or 1
    if workers > 0 and engine in {kind, f"{kind}={workers}"}:
        if kind == "threads":
            return ThreadPoolExecutor(workers, thread_name_prefix="facts")
        if kind == "processes":
            return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    message = f"unknown engine {engine!r}: use threads, processes or dask=tcp://host:port"
    raise ValueError(message)


def shares_memory(executor: Executor) -> bool:
    """Whether tasks see the objects of this process."""
    return isinstance(executor, ThreadPoolExecutor)


def shares_disk(executor: Executor) -> bool:
    """Whether tasks run on this machine for sure, so that they find its files; of a cluster that is not known."""
    return _client_of(executor) is None


def worker_count(executor: Executor) -> int:
    """Return how many tasks run at a time; the processors of this machine where the executor does not say."""
    client = _client_of(executor)
    if client is not None:
        return max(1, sum(int(threads) for threads in client.nthreads().values()))
    return int(getattr(executor, "_max_workers", 0) or os.cpu_count() or 1)


def in_order(
    executor: Executor, work: Callable[[_Task], _Result], tasks: Iterable[_Task]
) -> Iterator[tuple[_Task, _Result]]:
    """Do tasks side by side and give their results in the order of the tasks.

    Only as many are under way as keep the workers busy, so that results do not heap up behind a slow one.

    Raises
    ------
    EngineLost
        The workers or their scheduler are gone.
    """
    waiting: deque[tuple[_Task, Future[_Result]]] = deque()
    most = worker_count(executor) * _AHEAD
    try:
        for task in tasks:
            waiting.append((task, submitted(executor, work, task)))
            if len(waiting) >= most:
                first, future = waiting.popleft()
                yield first, outcome(executor, future)
        while waiting:
            first, future = waiting.popleft()
            yield first, outcome(executor, future)
    finally:
        for _, future in waiting:
            future.cancel()


def submitted(executor: Executor, work: Callable[..., _Result], *arguments: Any) -> Future[_Result]:
    """Give a task to the workers.

    Raises
    ------
    EngineLost
        They are gone.
    """
    try:
        return executor.submit(work, *arguments)
    except BrokenExecutor as error:
        raise EngineLost(_LOST_PROCESS) from error
    except Exception as error:
        if _client_of(executor) is not None and _scheduler_gone(executor):
            raise EngineLost(_LOST_SCHEDULER) from error
        raise


def outcome(executor: Executor, future: Future[_Result]) -> _Result:
    """Wait for a result.

    Raises
    ------
    EngineLost
        The worker, or the scheduler, is gone and the result with it.
    """
    while True:
        try:
            return future.result(_PATIENCE if _client_of(executor) is not None else None)
        except BrokenExecutor as error:
            raise EngineLost(_LOST_PROCESS) from error
        except CancelledError as error:
            raise EngineLost(_LOST_SCHEDULER) from error
        except FutureTimeoutError as error:
            if future.done():
                # The task itself ran out of time.
                raise
            if _scheduler_gone(executor):
                raise EngineLost(_LOST_SCHEDULER) from error
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                raise EngineLost(_KILLED_WORKERS.format(error)) from error
            raise


_LOST_PROCESS: Final = (
    "a worker process ended before its work was done, most often for want of memory: nothing is half-written; run the "
    "same command again, it goes on where it was, with --engine threads if memory is short"
)
_LOST_SCHEDULER: Final = (
    "the connection to the Dask scheduler was lost: nothing is half-written; run the same command again when the "
    "scheduler is back, it goes on where it was, or with --engine threads on this machine"
)
_KILLED_WORKERS: Final = (
    "several workers died over the same task, most often for want of memory: nothing is half-written; give workers "
    "more memory (a few hundred MB a thread and the size of a partition) and run the same command again ({})"
)


def _client_of(executor: Executor) -> Any:
    """Return the client of a Dask cluster behind an executor; None where there is none."""
    return getattr(executor, "_client", None)


def _scheduler_gone(executor: Executor) -> bool:
    return str(getattr(_client_of(executor), "status", "running")) != "running"


@contextmanager
def _dask_executor(address: str) -> Iterator[Executor]:
    """Work on a cluster, and leave it as it was: the client is closed, the workers are not.

    Raises
    ------
    EngineLost
        Nobody answers at the address.
    """
    try:
        from distributed import Client as DaskClient  # noqa: PLC0415 - an extra: only who asks for a cluster needs it
    except ImportError as error:
        message = "the engine dask needs the extra 'cluster': pip install 'archreview[cluster]'"
        raise RuntimeError(message) from error
    try:
        # Its methods have no types.
        client: Any = cast("Any", DaskClient)(address)
    except (OSError, TimeoutError) as error:
        message = f"no Dask scheduler answers at {address}: see that it runs and can be reached ({error})"
        raise EngineLost(message) from error
    try:
        yield cast("Executor", client.get_executor())
    finally:
        _leave(client)


def _leave(client: Any) -> None:
    """Close a client; a scheduler that is gone is not waited for and cannot be taken leave of."""
    there = client.status == "running"
    try:
        client.close(timeout=5 if there else 0.1)
    except TimeoutError:
        if there:
            raise
