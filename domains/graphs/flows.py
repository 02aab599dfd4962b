"""Flow networks (GFlowNets): policies that draw objects in proportion to a reward, also to one that comes later.

A flow F(s) runs from the initial state to all objects; a policy P_F divides it among what may follow, P_B among what
may have come before. Along a trajectory s_0 ... s_T, whose last flow is the reward of its object, let

    u_t = log F(s_t) - sum_{k<t} (log P_F(s_{k+1} | s_k) - log P_B(s_k | s_{k+1}))

Where all is right, u is constant, and every loss asks for that: between neighbours (detailed balance, arXiv
2111.09266), between the two ends (trajectory balance, arXiv 2201.13259), or between any two (sub-trajectory balance,
arXiv 2209.12782). P_B is uniform here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .worlds import World

Balance = Literal["detailed", "trajectory", "subtrajectory"]
LogReward = Callable[[Int[Tensor, "b s"]], Float[Tensor, " b"]]


class Flow(nn.Module):
    """log F and the logits of P_F from what a world shows of a state, and of an outcome if there is one.

    Args:
        world: whose states they are of.
        hidden: width of the two hidden layers.
        told: whether an outcome is shown beside the state.
    """

    def __init__(self, world: World, hidden: int = 64, told: bool = False) -> None:
        super().__init__()
        self.world = world
        shown = world.features * (2 if told else 1)
        self.net = nn.Sequential(
            nn.Linear(shown, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, world.actions + 1),
        )

    def forward(
        self, states: Int[Tensor, "b s"], outcomes: Int[Tensor, "b s"] | None = None
    ) -> tuple[Float[Tensor, " b"], Float[Tensor, "b actions"]]:
        """log F and log P_F; what is not allowed has none."""
        shown = self.world.encode(states)
        if outcomes is not None:
            shown = torch.cat([shown, self.world.encode(outcomes)], dim=1)
        out = self.net(shown)
        logits = out[:, 1:].masked_fill(~self.world.allowed(states), float("-inf"))
        return out[:, 0], logits.log_softmax(-1)


@dataclass(frozen=True)
class Trajectories:
    """Ways from the initial state to an object; the last action of each stops.

    Attributes:
        states: before every action; those after the end repeat the object.
        actions: taken.
        real: False after the end.
    """

    states: Int[Tensor, "t b s"]
    actions: Int[Tensor, "t b"]
    real: Bool[Tensor, "t b"]

    @property
    def objects(self) -> Int[Tensor, "b s"]:
        """What was made."""
        return self.states[-1]


@torch.no_grad()
def wander(
    world: World, count: int, policy: Callable[[Tensor], Tensor], explore: float, chance: torch.Generator
) -> Trajectories:
    """Ways of a policy (states -> log probabilities) that takes any allowed action with probability `explore`."""
    states, going = world.start(count), torch.ones(count, dtype=torch.bool)
    stop = world.actions - 1
    seen, taken, real = [], [], []
    while bool(going.any()):
        allowed = world.allowed(states)
        even = allowed / allowed.sum(1, keepdim=True)
        odds = (1 - explore) * policy(states).exp() + explore * even
        actions = torch.multinomial(odds, 1, generator=chance).squeeze(1).where(going, torch.tensor(stop))
        seen.append(states)
        taken.append(actions)
        real.append(going)
        going = going & (actions != stop)
        states = world.move(states, actions)
    return Trajectories(torch.stack(seen), torch.stack(taken), torch.stack(real))


@torch.no_grad()
def retrace(world: World, objects: Int[Tensor, "b s"], chance: torch.Generator) -> Trajectories:
    """Trajectories to given objects, drawn backwards from the uniform P_B."""
    states, stop = objects, world.actions - 1
    seen, taken = [states], [torch.full((len(states),), stop)]
    while bool((able := world.undoable(states)).any()):
        left = able.any(1)
        odds = able.double() + (~left)[:, None]  # a state at the start stays there
        actions = torch.multinomial(odds, 1, generator=chance).squeeze(1)
        states = torch.where(left[:, None], world.undo(states, actions), states)
        seen.append(states)
        taken.append(torch.where(left, actions, -1))
    return _aligned(torch.stack(seen[::-1]), torch.stack(taken[::-1]))


def _aligned(states: Tensor, actions: Tensor) -> Trajectories:
    """Begin every trajectory at once: those that are shorter waited at the start."""
    waited = (actions < 0).sum(0)
    steps = torch.arange(len(actions))[:, None] + waited
    place = steps.clamp_max(len(actions) - 1)
    moved = actions.gather(0, place)
    return Trajectories(states.gather(0, place[..., None].expand_as(states)), moved, steps < len(actions))


def balance_loss(
    flow: Flow,
    made: Trajectories,
    log_reward: Float[Tensor, " b"],
    balance: Balance = "subtrajectory",
    *,
    decay: float = 0.9,
    outcomes: Int[Tensor, "b s"] | None = None,
    teleport: Float[Tensor, " b"] | None = None,
) -> Tensor:
    """Mean over trajectories of the squared differences of u (see above).

    Args:
        flow: that is learned.
        made: trajectories of any policy.
        log_reward: of their objects.
        balance: which differences count; of sub-trajectories each with `decay` to the power of its length.
        decay: see balance.
        outcomes: what the flow is told.
        teleport: log of a reward that is multiplied into every transition (outcome teleportation, arXiv 2310.03419).
    """
    steps, count = made.actions.shape
    told = None if outcomes is None else outcomes.repeat(steps, 1)
    log_flow, log_policy = flow(made.states.flatten(0, 1), told)
    forward = log_policy.gather(1, made.actions.reshape(-1, 1)).view(steps, count)
    ways = flow.world.undoable(made.states[1:].flatten(0, 1)).sum(1).view(steps - 1, count).clamp_min(1)
    backward = torch.cat([-ways.log(), torch.zeros(1, count)])  # to stop can be undone in one way
    backward = torch.where(made.actions == flow.world.actions - 1, 0.0, backward)
    change = forward - backward - (0 if teleport is None else teleport)
    change = torch.where(made.real, change, 0.0)
    before = torch.cat([torch.zeros(1, count), change.cumsum(0)])
    last = made.real.sum(0)
    flows = torch.cat([log_flow.view(steps, count), torch.zeros(1, count)])
    place = torch.arange(steps + 1)[:, None]
    u = torch.where(place == last, log_reward, flows) - before
    known = place <= last
    difference = (u[:, None] - u[None]).square() * (known[:, None] & known[None])
    apart = place - place.T
    weight = {
        "detailed": (apart == 1).float(),
        "trajectory": ((place == last)[:, None] & (place.T == 0)[..., None]).float(),
        "subtrajectory": torch.where(apart > 0, decay**apart, 0.0),
    }[balance]
    weight = weight[..., None] if weight.dim() == 2 else weight
    weight = weight * (known[:, None] & known[None])
    return ((difference * weight).sum((0, 1)) / weight.sum((0, 1))).mean()


def learn(
    flow: Flow,
    log_reward: LogReward,
    *,
    steps: int,
    balance: Balance = "subtrajectory",
    batch: int = 64,
    rate: float = 5e-3,
    explore: float = 0.1,
    seed: int = 0,
) -> list[float]:
    """Learn the flow of a reward from its own trajectories; the losses."""
    chance = torch.Generator().manual_seed(seed)

    def loss() -> Tensor:
        made = wander(flow.world, batch, lambda states: flow(states)[1], explore, chance)
        return balance_loss(flow, made, log_reward(made.objects), balance)

    return descended(flow, loss, steps, rate)


def descended(flow: Flow, loss: Callable[[], Tensor], steps: int, rate: float) -> list[float]:
    """Minimise a loss that is drawn anew at every step, the rate falling to 0 on a cosine; the losses."""
    optimiser = torch.optim.Adam(flow.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = []
    for _ in range(steps):
        now = loss()
        optimiser.zero_grad()
        now.backward()
        optimiser.step()
        schedule.step()
        losses.append(now.item())
    return losses


def toward(flow: Any, found: Tensor) -> Callable[[Tensor], Tensor]:
    """The policy of a flow that is told which objects to reach."""
    return lambda states: flow(states, found)[1]


def learn_outcomes(
    flow: Flow,
    *,
    steps: int,
    batch: int = 64,
    rate: float = 5e-3,
    epsilon: float = 1e-3,
    teleport: bool = False,
    balance: Balance = "subtrajectory",
    explore: float = 0.1,
    seed: int = 0,
) -> list[float]:
    """Pretrain without a reward: reach any outcome that is asked for (arXiv 2310.03419); the losses.

    Outcomes come from a policy that takes any action; the way to each is a positive example (R = 1). A trajectory of
    the flow that is told the outcome is the other one, with R = 1 where it arrives and R = `epsilon` elsewhere. With
    `teleport` rewards are multiplied into every transition, as published: that carries them over long trajectories, but
    what misses then contradicts what arrives by the same transitions, and in small worlds flows are learned worse.
    """
    world, chance = flow.world, torch.Generator().manual_seed(seed)

    def loss() -> Tensor:
        found = wander(world, batch, lambda states: torch.zeros(len(states), world.actions), 1.0, chance).objects
        ways, nothing = retrace(world, found, chance), torch.zeros(batch)
        tried = wander(world, batch, toward(flow, found), explore, chance)
        total = torch.zeros(())
        missed = torch.where((tried.objects == found).all(1), 0.0, torch.tensor(epsilon).log())
        for made, log_reward in ((ways, nothing), (tried, missed)):
            carried = log_reward if teleport else None
            total = total + balance_loss(flow, made, log_reward, balance, outcomes=found, teleport=carried)
        return total

    return descended(flow, loss, steps, rate)


def converted(
    flow: Flow, outcomes: Int[Tensor, "k s"], log_reward: Float[Tensor, " k"]
) -> Callable[[Int[Tensor, "b s"]], Float[Tensor, "b actions"]]:
    """The policy for a reward from a flow that can reach any outcome, without any training.

    P(s' | s) = sum_y R(y) F(s | y) P_F(s' | s, y) / sum_y R(y) F(s | y)

    Args:
        flow: pretrained by `learn_outcomes`.
        outcomes: all of them where that is possible, else some.
        log_reward: of each.
    """

    @torch.no_grad()
    def policy(states: Tensor) -> Tensor:
        pairs = states.repeat_interleave(len(outcomes), 0), outcomes.repeat(len(states), 1)
        log_flow, log_policy = flow(*pairs)
        weight = (log_flow.view(len(states), -1) + log_reward)[..., None]
        joint = (log_policy.view(len(states), len(outcomes), -1) + weight).logsumexp(1)
        return joint.log_softmax(-1)

    return policy


@torch.no_grad()
def drawn(world: World, policy: Callable[[Tensor], Tensor]) -> tuple[Int[Tensor, "k s"], Float[Tensor, " k"]]:
    """All states, and the exact probability that a policy stops there."""
    arriving: dict[tuple[int, ...], float] = {tuple(world.start(1)[0].tolist()): 1.0}
    objects, odds = [], []
    for states in world.levels():
        share = torch.tensor([arriving.get(tuple(state), 0.0) for state in states.tolist()], dtype=torch.float64)
        going = share[:, None] * policy(states).double().exp()
        objects.append(states)
        odds.append(going[:, -1])
        for action in range(world.actions - 1):
            able = world.allowed(states)[:, action]
            for state, part in zip(
                world.move(states[able], torch.full((int(able.sum()),), action)).tolist(),
                going[able, action].tolist(),
                strict=True,
            ):
                arriving[tuple(state)] = arriving.get(tuple(state), 0.0) + part
    return torch.cat(objects), torch.cat(odds)


def distance(odds: Float[Tensor, " k"], log_reward: Float[Tensor, " k"]) -> float:
    """L1 distance sum |p - R / Z| between a distribution and the one of a reward, from 0 to 2."""
    return float((odds.double() - log_reward.double().softmax(0)).abs().sum())
