import subprocess
import sys

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, load_catalog, synthesise, values_digest
from humboldt.data_catalog.catalog.synthetic import GENERATORS, rounded

CODE = """
import sys
from pathlib import Path
from humboldt.data_catalog import synthesise, values_digest
for name in sys.argv[2:]:
    folder = Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    synthesise(name, folder, seed=3)
    print(values_digest(folder))
"""


@pytest.mark.parametrize("entry", load_catalog().search(kind="generated"), ids=lambda entry: entry.id)
def test_the_catalog_pins_the_bits_of_its_seed(tmp_path, entry):
    if entry.domain == "pde":
        pytest.skip("made with the solvers: see the tests of the door")
    synthesise(entry.source.problem, tmp_path, seed=entry.source.seed, **entry.source.parameters)
    assert values_digest(tmp_path) == entry.source.values_sha256


@pytest.mark.parametrize("problem", GENERATORS)
def test_a_seed_gives_other_values_than_another(tmp_path, problem):
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        synthesise(problem, tmp_path / str(seed), seed=seed)
    assert values_digest(tmp_path / "1") != values_digest(tmp_path / "2")


@pytest.mark.integration
def test_another_process_makes_the_same_bits(tmp_path):
    command = [sys.executable, "-c", CODE, tmp_path / "there", *GENERATORS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for problem, digest in zip(GENERATORS, done.stdout.split(), strict=True):
        (tmp_path / problem).mkdir()
        synthesise(problem, tmp_path / problem, seed=3)
        assert digest == values_digest(tmp_path / problem), problem


def test_unknown_problems_get_the_nearest(tmp_path):
    with pytest.raises(DataError, match=r"got 'rosby-waves'; did you mean 'rossby-waves'"):
        synthesise("rosby-waves", tmp_path, seed=0)


def test_rounding_keeps_thirteen_bits():
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-5, 5).repeat(100)
    error = np.abs(rounded(values) / values - 1)
    assert error.max() <= 2.0**-13
    assert np.all(rounded(rounded(values)) == rounded(values))
    assert rounded(np.array([0.0]))[0] == 0.0


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waves")
    synthesise("rossby-waves", folder, seed=0, steps=200)
    return xr.open_dataset(folder / "rossby_waves.nc")


def test_the_wind_of_rossby_waves_has_no_divergence(waves):
    """div v = (du/dlon + d(v cos lat)/dlat) / (a cos lat), small beside the vorticity of the same differences."""
    cosine = np.cos(np.deg2rad(waves.latitude))

    def along(field, dim):
        return field.differentiate(dim).isel(latitude=slice(2, -2), longitude=slice(1, -1))

    divergence = along(waves.u, "longitude") + along(waves.v * cosine, "latitude")
    vorticity = along(waves.v, "longitude") - along(waves.u * cosine, "latitude")
    assert float(np.sqrt((divergence**2).mean() / (vorticity**2).mean())) < 0.06


def test_the_mean_wind_is_westerly_and_balanced(waves):
    """At 45 degrees, u = -1/(f a) dz/dlat within a few metres a second, since beta is left out of the balance."""
    mean = waves.mean(["time", "longitude"]).sel(latitude=slice(35, 55))
    coriolis = 2 * 7.292e-5 * np.sin(np.deg2rad(mean.latitude))
    slope = np.rad2deg(mean.z.differentiate("latitude"))
    assert float(abs(-slope / (coriolis * 6.371e6) - mean.u).max()) < 4.0
    assert float(mean.u.min()) > 5.0


def test_waves_are_remembered_for_days_and_not_for_weeks(waves):
    anomaly = waves.v - waves.v.mean("time")

    def memory(lag):
        now, later = anomaly[:-lag].values, anomaly[lag:].values
        return float((now * later).mean() / (anomaly**2).mean())

    assert memory(1) > 0.7
    assert abs(memory(80)) < 0.2


def test_species_live_where_their_niche_is(tmp_path):
    synthesise("virtual-species", tmp_path, seed=0)
    land = xr.open_dataset(tmp_path / "environment.nc")
    seen, surveys = pd.read_csv(tmp_path / "occurrences.csv"), pd.read_csv(tmp_path / "surveys.csv")
    factors = np.stack([land.temperature, np.log(land.precipitation)])
    for number, name in enumerate(land.species.values):
        scaled = (factors - land.optimum[number].values[:, None, None]) / land.tolerance[number].values[:, None, None]
        np.testing.assert_allclose(land.suitability[number], np.exp(-0.5 * (scaled**2).sum(0)), rtol=3e-3, atol=1e-6)
        rows = seen[seen.scientificName == name]
        places = {"latitude": xr.DataArray(rows.decimalLatitude), "longitude": xr.DataArray(rows.decimalLongitude)}
        assert len(rows) == 120
        assert float(land.suitability[number].sel(places).mean()) > 2 * float(land.suitability[number].mean())
    assert seen.decimalLatitude.mean() < float(land.latitude.mean())  # people stay in the south
    expected = land.suitability.mean(["latitude", "longitude"]).values
    found = surveys.filter(like="Virtualis").mean().values
    assert np.abs(found - expected).max() < 4 * np.sqrt(expected.max() / len(surveys))


def graphs(path, part):
    with np.load(path) as file:
        edges = np.split(file[f"{part}_edges"], file[f"{part}_offsets"][1:-1])
        for nodes, pairs in zip(file[f"{part}_num_nodes"], edges, strict=True):
            graph = nx.empty_graph(int(nodes))
            graph.add_edges_from(pairs.tolist())
            yield graph


def test_trees_are_trees_and_uniform(tmp_path):
    synthesise("random-trees", tmp_path, seed=0, graphs=60, nodes=12)
    assert all(
        nx.is_tree(graph) for part in ("train", "val", "test") for graph in graphs(tmp_path / "graphs.npz", part)
    )
    assert [len(list(graphs(tmp_path / "graphs.npz", part))) for part in ("train", "val", "test")] == [38, 10, 12]
    synthesise("random-trees", tmp_path, seed=0, graphs=2000, nodes=4)
    counts: dict = {}
    for part in ("train", "val", "test"):
        for graph in graphs(tmp_path / "graphs.npz", part):
            key = frozenset(map(frozenset, graph.edges))
            counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 16  # Cayley: 4^2 labelled trees
    assert sum((count - 125) ** 2 / 125 for count in counts.values()) < 37.7  # chi-squared, 15 degrees, 0.1 %


def test_lobsters_become_a_path_without_their_leaves_twice(tmp_path):
    synthesise("random-lobsters", tmp_path, seed=0, graphs=60)
    made = [graph for part in ("train", "val", "test") for graph in graphs(tmp_path / "graphs.npz", part)]
    assert len(made) == 60
    bare = 0
    for graph in made:
        assert 10 <= len(graph) <= 100
        assert nx.is_tree(graph)
        for _ in range(2):
            bare += max(dict(graph.degree).values(), default=0) > 2
            graph = graph.subgraph([node for node, degree in graph.degree if degree > 1])
        assert max(dict(graph.degree).values(), default=0) <= 2
    assert bare > 60  # most are no caterpillars


def test_blocks_are_denser_inside(tmp_path):
    synthesise("stochastic-blocks", tmp_path, seed=0, graphs=25)
    for graph in graphs(tmp_path / "graphs.npz", "train"):
        assert 40 <= len(graph) <= 200
        found = nx.community.greedy_modularity_communities(graph)
        assert nx.community.modularity(graph, found) > 0.3
