"""Flows draw in proportion to the reward: their exact distributions against the exact target."""

import pytest
import torch

from humboldt.domains.graphs.flows import (
    Flow,
    Trajectories,
    balance_loss,
    converted,
    distance,
    drawn,
    learn,
    learn_outcomes,
    retrace,
    wander,
)
from humboldt.domains.graphs.worlds import BitSequences, GridWorld, World


def corners(side: int):
    """The reward of the grid task: little inside, more near the edges, most near the corners."""

    def log_reward(states: torch.Tensor) -> torch.Tensor:
        place = (states / (side - 1) - 0.5).abs()
        return (0.1 + 0.5 * (place > 0.25).all(1).float() + 2.0 * ((place > 0.3) & (place < 0.45)).all(1).float()).log()

    return log_reward


def ones(states: torch.Tensor) -> torch.Tensor:
    """More for pairs of ones that stand together; nothing for what is not whole."""
    together = ((states[:, 1:] == 1) & (states[:, :-1] == 1)).sum(1).float()
    return torch.where((states < 2).all(1), together, float("-inf"))


def even(world: World):
    def policy(states: torch.Tensor) -> torch.Tensor:
        allowed = world.allowed(states)
        return (allowed / allowed.sum(1, keepdim=True)).log()

    return policy


WORLDS = [GridWorld(4), GridWorld(3, 3), BitSequences(4)]


@pytest.mark.parametrize("world", WORLDS)
def test_every_action_can_be_undone(world):
    made = wander(world, 64, even(world), 0.0, torch.Generator().manual_seed(0))
    for now, action, after, real in zip(made.states, made.actions, made.states[1:], made.real, strict=False):
        on = real & (action < world.actions - 1)
        assert world.undoable(after)[on].gather(1, action[on, None]).all()
        assert torch.equal(world.undo(after, action)[on], now[on])
    back = retrace(world, made.objects, torch.Generator().manual_seed(1))
    assert torch.equal(back.states[0], world.start(64))
    assert torch.equal(back.objects, made.objects)
    for now, action, after, real in zip(back.states, back.actions, back.states[1:], back.real, strict=False):
        assert torch.equal(world.move(now, action)[real], after[real])


@pytest.mark.parametrize("world", WORLDS)
def test_the_exact_distribution_sums_to_one_and_is_what_is_drawn(world):
    objects, odds = drawn(world, even(world))
    assert float(odds.sum()) == pytest.approx(1)
    made = wander(world, 4000, even(world), 0.0, torch.Generator().manual_seed(0)).objects
    counted = (made[:, None] == objects).all(-1).double().mean(0)
    assert float((counted - odds).abs().max()) < 0.03


class Exact(Flow):
    """The flow of a reward by summation over all states: what the losses must find nothing wrong with."""

    def __init__(self, world: World, log_reward) -> None:  # type: ignore[no-untyped-def]
        super().__init__(world)
        self.flows: dict[tuple[int, ...], float] = {}
        self.log_reward = log_reward
        for states in reversed(world.levels()):
            for state in states:
                self.flows[tuple(state.tolist())] = float(self._edges(state[None]).sum())

    def _edges(self, states: torch.Tensor) -> torch.Tensor:
        world = self.world
        edges = torch.zeros(len(states), world.actions, dtype=torch.float64)
        edges[:, -1] = self.log_reward(states).exp().double() * world.allowed(states)[:, -1]
        for action in range(world.actions - 1):
            able = world.allowed(states)[:, action]
            after = world.move(states[able], torch.full((int(able.sum()),), action))
            flows = torch.tensor([self.flows[tuple(s)] for s in after.tolist()], dtype=torch.float64)
            edges[able, action] = flows / world.undoable(after).sum(1)
        return edges

    def forward(self, states, outcomes=None):  # type: ignore[no-untyped-def]
        edges = self._edges(states)
        return edges.sum(1).log().float(), (edges / edges.sum(1, keepdim=True)).log().float()


@pytest.mark.parametrize(("world", "reward"), [(GridWorld(4), corners(4)), (BitSequences(3), ones)])
def test_the_exact_flow_has_no_loss_and_draws_the_target(world, reward):
    exact = Exact(world, reward)
    objects, odds = drawn(world, lambda states: exact(states)[1])
    assert distance(odds, reward(objects)) < 1e-5
    made = wander(world, 32, even(world), 0.0, torch.Generator().manual_seed(0))
    for balance in ("detailed", "trajectory", "subtrajectory"):
        assert balance_loss(exact, made, reward(made.objects), balance).item() < 1e-8  # type: ignore[arg-type]
        assert balance_loss(exact, made, reward(made.objects) + 1, balance).item() > 0.01  # type: ignore[arg-type]


def test_losses_by_hand():
    """Two steps: u = (f0, f1 - c1, r - c2)."""
    world = GridWorld(2, 1)
    flow = Flow(world)
    made = Trajectories(torch.tensor([[[0]], [[1]]]), torch.tensor([[0], [1]]), torch.ones(2, 1, dtype=torch.bool))
    (f0, f1), policy = flow(torch.tensor([[0], [1]]))
    u = [f0, f1 - policy[0, 0], 0.7 - policy[0, 0] - policy[1, 1]]
    gaps = [(u[0] - u[1]) ** 2, (u[1] - u[2]) ** 2, (u[0] - u[2]) ** 2]
    expected = {
        "detailed": (gaps[0] + gaps[1]) / 2,
        "trajectory": gaps[2],
        "subtrajectory": (0.9 * (gaps[0] + gaps[1]) + 0.81 * gaps[2]) / (1.8 + 0.81),
    }
    for balance, value in expected.items():
        found = balance_loss(flow, made, torch.tensor([0.7]), balance)  # type: ignore[arg-type]
        assert found.item() == pytest.approx(value.item(), rel=1e-5)


@pytest.mark.parametrize("balance", ["detailed", "trajectory", "subtrajectory"])
def test_a_flow_learns_the_corners_of_a_grid(balance):
    torch.manual_seed(0)
    world, reward = GridWorld(5), corners(5)
    flow = Flow(world, 32)
    before = distance(*_against(world, flow, reward))
    learn(flow, reward, steps=200, balance=balance, rate=1e-2)
    after = distance(*_against(world, flow, reward))
    print(f"{balance}: L1 to the exact distribution {before:.3f} -> {after:.3f}")
    assert after < 0.15 < before


def _against(world, flow, reward):  # type: ignore[no-untyped-def]
    objects, odds = drawn(world, lambda states: flow(states)[1])
    return odds, reward(objects)


def test_one_pretraining_serves_several_rewards():
    """Outcomes of a grid: a policy for a reward that comes later, without training."""
    torch.manual_seed(0)
    world = GridWorld(3)
    flow = Flow(world, 64, told=True)
    learn_outcomes(flow, steps=300, rate=1e-2)
    objects = torch.cat(world.levels())
    for reward in (corners(3), lambda states: states[:, 0].float()):
        odds = drawn(world, converted(flow, objects, reward(objects)))[1]
        found, untrained = distance(odds, reward(objects)), distance(drawn(world, even(world))[1], reward(objects))
        print(f"L1 to the exact distribution {found:.3f}, of an even policy {untrained:.3f}")
        assert found < 0.1 < untrained


def test_a_flow_learns_bit_sequences():
    torch.manual_seed(0)
    world = BitSequences(4)
    flow = Flow(world, 32)
    before = distance(*_against(world, flow, ones))
    learn(flow, ones, steps=200, rate=1e-2)
    after = distance(*_against(world, flow, ones))
    print(f"L1 to the exact distribution {before:.3f} -> {after:.3f}")
    assert after < 0.15 < before
