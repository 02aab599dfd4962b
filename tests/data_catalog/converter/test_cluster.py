"""The same calls on a dask cluster of two worker processes, of which one is killed in the middle."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from humboldt.data_catalog import compute_statistics, convert
from tests.data_catalog.source_files import contents, yearly

pytest.importorskip("distributed")
pytestmark = pytest.mark.integration

RUN = """
import json, os, signal, sys, threading
from pathlib import Path

import dask

def main(source, output):
    from distributed import Client, LocalCluster
    from humboldt.data_catalog import compute_statistics, convert

    dask.config.set({"distributed.scheduler.allowed-failures": 10, "distributed.scheduler.worker-ttl": None})
    killed = []
    options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with LocalCluster(n_workers=2, processes=True, **options) as cluster:
        def kill():
            journal = Path(output + ".partial", "journal.jsonl")
            while not journal.exists() or len(journal.read_text().splitlines()) < 5:
                if Path(output).exists():
                    return
                threading.Event().wait(0.002)
            process = next(iter(cluster.workers.values())).pid
            os.kill(process, signal.SIGKILL)
            killed.append(process)
        hunter = threading.Thread(target=kill)
        hunter.start()
        convert(source, output, scheduler=cluster.scheduler_address, progress=False, shard_bytes=500, memory=3000)
        hunter.join()
        with Client(cluster) as client:
            client.wait_for_workers(2)
            found = compute_statistics(output, train="all", block_bytes=500, scheduler=client, progress=False)
    print(json.dumps({"killed": len(killed), "mean": found["variables"]["t"]["mean"]}))

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.timeout(900)
def test_a_worker_is_killed_and_nothing_is_lost(tmp_path: Path, root: Path) -> None:
    """In a process of its own: what a cluster leaves behind when a worker dies is no matter of other tests."""
    yearly(tmp_path / "years")
    alone = convert(tmp_path / "years", tmp_path / "alone.zarr", progress=False, shard_bytes=500, memory=3000)
    (tmp_path / "run.py").write_text(RUN)
    words = [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "years"), str(tmp_path / "t.zarr")]
    done = subprocess.run(
        words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["killed"] == 1
    assert contents(tmp_path / "t.zarr") == contents(alone)
    found = compute_statistics(alone, train="all", block_bytes=500, scheduler="here", progress=False)
    assert said["mean"] == found["variables"]["t"]["mean"]
