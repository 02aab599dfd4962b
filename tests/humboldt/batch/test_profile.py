import pytest

from humboldt.batch import BatchError, Profile, load_profile
from humboldt.batch.profile import profiles, seconds


@pytest.mark.parametrize(
    ("time", "expected"), [("01:00:00", 3600), ("1-00:00:00", 86400), ("2-12:30:01", 217801), ("00:10:00", 600)]
)
def test_time_limits(time, expected):
    assert seconds(time) == expected


@pytest.mark.parametrize("time", ["90", "5400", "1h", "1:0:0", "", "-1:00:00", "2:00", "1-12:00", "00:90:00"])
def test_another_form_of_time_is_refused(time):
    with pytest.raises(BatchError, match=r"written HH:MM:SS or D-HH:MM:SS, got .*write 02:30:00 for two and a half"):
        Profile(time=time)


def test_sites_that_come_with_the_package():
    assert {"jureca", "one-node"} <= profiles().keys()
    found = load_profile("jureca", account="project1", time="02:00:00", nodes=2, partition=None)
    assert (found.name, found.account, found.time, found.partition) == ("jureca", "project1", "02:00:00", "dc-gpu")
    assert (found.processes, found.cores) == (8, 256)


def test_own_sites(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("partition: fast\nmodules: [GCC, CUDA]\n")
    monkeypatch.setenv("HUMBOLDT_PROFILES", str(tmp_path))
    assert load_profile("mine").modules == ("GCC", "CUDA")
    assert load_profile(str(tmp_path / "mine.yaml")) == load_profile("mine")
    (tmp_path / "mine.yaml").write_text("partion: fast\n")
    with pytest.raises(BatchError, match="a profile has no key 'partion'; did you mean partition"):
        load_profile("mine")


def test_what_a_site_does_not_take():
    with pytest.raises(BatchError, match=r"there is no profile called 'jurecca'; did you mean jureca\?"):
        load_profile("jurecca")
    with pytest.raises(BatchError, match="jureca takes no job without an account, got none; add --account PROJECT"):
        load_profile("jureca")
    with pytest.raises(BatchError, match="jureca runs a task for 24:00:00 at most, got time 2-00:00:00; shorten it"):
        load_profile("jureca", account="a", time="2-00:00:00")
    with pytest.raises(BatchError, match="a scheduler is slurm, pbs or lsf, got 'sge'"):
        load_profile(None, scheduler="sge")
    with pytest.raises(BatchError, match="nodes is at least 1, got 0"):
        load_profile(None, nodes=0)
    with pytest.raises(BatchError, match="scripts for pbs start processes of one machine, got nodes 2; ask for one"):
        load_profile(None, scheduler="pbs", nodes=2)


def test_what_yaml_reads_otherwise_than_it_was_meant(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("{account: 1234, memory: 16000, modules: GCC, environment: {NCCL_DEBUG: 1}}")
    found = load_profile(str(path))
    assert (found.account, found.memory, found.modules, found.environment) == (
        *("1234", "16000", ("GCC",), {"NCCL_DEBUG": "1"}),
    )
    for text, said in (
        ("time: 12:00:00", "a time limit is written HH:MM:SS .* got '43200'.*between quotes"),
        ("nodes: two", "Profile.nodes: expected a value of type int, got 'two'; correct the profile"),
        ("nodes: 1\nnodes: 2", "profile is a YAML file, but .* names 'nodes' twice"),
        ("nodes: [", "a profile is a YAML file, but .* is none"),
    ):
        path.write_text(text)
        with pytest.raises(BatchError, match=said):
            load_profile(str(path))
