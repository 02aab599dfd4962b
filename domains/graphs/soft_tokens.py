"""Graphs whose nodes are vectors, read by a frozen network of graphs: one linear map makes a soft token of every node.

What GraphGPT (arXiv 2310.13023) does before a language model, done before a decoder of graphs, which has no word for a
vector (charges, spectra, what another network says of an atom). With v the standardised vectors and A the mean over
neighbours, nodes in depth-first order:

    x_n = W [v_n, (A v)_n, ..., (A^k v)_n] + c + position[n]
    h = unit((mean state - m) / s)             t = the same of a graph that is said in tokens

Stage 1 (`align`) needs graphs that are there in both forms, and no labels; m and s are those of the said ones:

    L = (cross-entropy of h t^T / 0.07 + cross-entropy of t h^T / 0.07) / 2       (Radford and others 2021)

and W and c alone learn. Stage 2 (`learn`) trains a linear head for a property, and goes on with W at a smaller rate. A
head that has learned from graphs in tokens reads those of vectors too, because they lie in one space.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Model, Tokens

from .graph import Graph, GraphError
from .orders import depth_first, neighbours
from .reading import batches, sayable
from .sample import model_device

TEMPERATURE = 0.07


@dataclass(frozen=True)
class VectorGraph:
    """A graph whose nodes are vectors.

    Attributes:
        vectors: of the nodes, in any units.
        edges: pairs of nodes, each once.

    Raises:
        GraphError: no nodes, a number that is not finite, or an edge that is none.
    """

    vectors: Float[np.ndarray, "n f"]
    edges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not len(self.vectors) or not np.isfinite(self.vectors).all():
            raise GraphError(
                f"a node has a vector of finite numbers, got an array of shape {self.vectors.shape}, "
                f"{int((~np.isfinite(self.vectors)).sum())} of its numbers not finite; fill them in or leave the "
                "graph out"
            )
        self.plain()

    def plain(self) -> Graph:
        """The graph without vectors."""
        return Graph(("",) * len(self.vectors), tuple((a, b, "") for a, b in self.edges))

    def features(self, hops: int) -> Float[np.ndarray, "n f2"]:
        """Vectors of the nodes, and means of vectors over neighbours up to so many steps away, in depth-first order."""
        graph = self.plain()
        around = neighbours(graph, range(len(graph)))
        means = np.zeros((len(graph), len(graph)))
        for a, b in self.edges:
            means[a, b] = means[b, a] = 1.0
        means /= np.maximum(means.sum(1, keepdims=True), 1)
        found = [np.asarray(self.vectors, dtype=np.float64)]
        for _ in range(hops):
            found.append(means @ found[-1])
        order = dict.fromkeys(node for a, b, _ in depth_first(around, range(len(graph))) for node in (a, b))
        order |= dict.fromkeys(range(len(graph)))
        return np.concatenate(found, axis=1)[list(order)].astype(np.float32)


class NodeReader(nn.Module):
    """A frozen copy of a model of graphs behind one linear map.

    Args:
        model: of graphs.
        features: length of a node's vector.
        hops: k.
        seed: of W.
    """

    shift: Tensor
    scale: Tensor
    middle: Tensor
    spread: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Model, features: int, *, hops: int = 2, seed: int = 0) -> None:
        super().__init__()
        self.trunk = copy.deepcopy(model).eval().requires_grad_(False)
        self.hops, self.width = hops, int(model.config.core.scales[0].width)
        size = features * (hops + 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.project, self.out = nn.Linear(size, self.width), nn.Linear(self.width, 1)
        words = model.embed.get_submodule("token").get_parameter("weight")
        nn.init.normal_(self.project.weight, std=float(words.detach().std()) / size**0.5)
        for name, count, value in (("shift", size, 0.0), ("scale", size, 1.0), ("middle", self.width, 0.0),
                                   ("spread", self.width, 1.0), ("mean", 1, 0.0), ("deviation", 1, 1.0)):  # fmt: skip
            self.register_buffer(name, torch.full((count,), value))
        self.task: Literal["regression", "classification"] = "regression"
        self.to(model_device(model))

    def forward(self, graphs: Sequence[VectorGraph]) -> Float[Tensor, "b d"]:
        """h of every graph.

        Raises:
            ConfigError: vectors of another length.
        """
        rows = [torch.from_numpy(graph.features(self.hops)) for graph in graphs]
        if odd := {row.shape[1] for row in rows} - {self.project.in_features}:
            raise ConfigError(
                f"nodes have vectors of {self.project.in_features // (self.hops + 1)} numbers, got "
                f"{odd.pop() // (self.hops + 1)}; make a reader with features={{the length of a vector}}"
            )
        rows = [row[: self.trunk.config.length] for row in rows]
        lengths = torch.tensor([len(row) for row in rows])
        real = (torch.arange(int(lengths.max())) < lengths[:, None]).to(self.project.weight.device)
        x = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(real.device)
        x = self.project((x - self.shift) / self.scale)
        x = x + self.trunk.embed.position.weight[: x.shape[1]]  # type: ignore[union-attr, index]
        condition = self.trunk.embed.condition(None, len(rows))  # type: ignore[operator]
        return self._unit(self.trunk.core(Tokens(x, condition)).x, real)

    @torch.no_grad()
    def said(self, graphs: Sequence[Graph], batch_size: int = 64) -> Float[Tensor, "n d"]:
        """t of every graph."""
        return self._normal(self._means(graphs, batch_size))

    def align(
        self,
        graphs: Sequence[VectorGraph],
        said: Sequence[Graph],
        *,
        steps: int = 300,
        batch_size: int = 64,
        rate: float = 5e-3,
        seed: int = 0,
    ) -> list[float]:
        """Stage 1: the same graphs in both forms are brought together; the losses.

        Raises:
            ConfigError: other numbers of graphs, or fewer than two.
        """
        if len(graphs) != len(said) or len(graphs) < 2:
            raise ConfigError(
                f"an alignment takes two graphs or more, each in both forms, got {len(graphs)} and {len(said)}"
            )
        rows = torch.from_numpy(np.concatenate([graph.features(self.hops) for graph in graphs])).to(self.shift)
        self.shift, self.scale = rows.mean(0), _positive(rows.std(0))
        means = self._means(said, batch_size)
        self.middle, self.spread = means.mean(0), _positive(means.std(0))
        targets, losses = self._normal(means), []
        optimiser = torch.optim.Adam(self.project.parameters(), lr=rate)
        for chosen in _draws(len(graphs), min(batch_size, len(graphs)), steps, seed):
            scores = self([graphs[place] for place in chosen]) @ targets[chosen].T / TEMPERATURE
            same = torch.arange(len(chosen), device=scores.device)
            loss = (F.cross_entropy(scores, same) + F.cross_entropy(scores.T, same)) / 2
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    def learn(
        self,
        graphs: Sequence[VectorGraph] | Sequence[Graph],
        values: Float[np.ndarray, " n"],
        *,
        task: Literal["regression", "classification"] = "regression",
        steps: int = 300,
        batch_size: int = 32,
        rate: float = 1e-4,
        head_rate: float = 1e-2,
        decay: float = 1e-2,
        seed: int = 0,
    ) -> list[float]:
        """Stage 2: a head for a property of graphs, and the map at a smaller rate (of graphs in tokens the head alone).

        Args:
            graphs, values: all known; classes are 0 and 1.
            task: mean squared error of normalised values, or cross-entropy.
            steps, batch_size, rate, head_rate, decay, seed: of AdamW, which decays the head.

        Returns:
            The losses.

        Raises:
            ConfigError: other numbers of graphs and values, or values that are not finite.
        """
        target = torch.as_tensor(np.asarray(values), dtype=torch.float32, device=self.mean.device)
        if len(target) != len(graphs) or not target.isfinite().all():
            raise ConfigError(
                f"a property is a finite number of every graph, got {len(target)} for {len(graphs)} graphs, "
                f"{int((~target.isfinite()).sum())} not finite; leave those out"
            )
        self.task = task
        if task == "regression":
            self.mean, self.deviation = target.mean()[None], _positive(target.std()[None])
        in_tokens = isinstance(graphs[0], Graph)
        fixed = self.said(graphs) if in_tokens else None  # type: ignore[arg-type]
        groups = [{"params": list(self.out.parameters()), "lr": head_rate, "weight_decay": decay}]
        if not in_tokens:
            groups.append({"params": list(self.project.parameters()), "lr": rate, "weight_decay": 0.0})
        optimiser, losses = torch.optim.AdamW(groups), []
        for chosen in _draws(len(graphs), min(batch_size, len(graphs)), steps, seed):
            h = fixed[chosen] if fixed is not None else self([graphs[place] for place in chosen])
            guess, wanted = self._read(h), target[chosen]
            if task == "regression":
                loss = F.mse_loss(guess, (wanted - self.mean) / self.deviation)
            else:
                loss = F.binary_cross_entropy_with_logits(guess, wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    @torch.no_grad()
    def predict(self, graphs: Sequence[VectorGraph], batch_size: int = 64) -> Float[np.ndarray, " n"]:
        """The property of every graph in its units, or its probability."""
        parts = [self._read(self(graphs[i : i + batch_size])) for i in range(0, len(graphs), batch_size)]
        guess = torch.cat(parts)
        made = guess.sigmoid() if self.task == "classification" else guess * self.deviation + self.mean
        return made.cpu().numpy()

    def _read(self, h: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
        read: Tensor = self.out(h * self.width**0.5).squeeze(1)
        return read

    def _unit(self, x: Float[Tensor, "b n d"], real: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        return self._normal((x * real[..., None]).sum(1) / real.sum(1, keepdim=True))

    def _normal(self, means: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return F.normalize((means - self.middle) / self.spread, dim=1)

    @torch.no_grad()
    def _means(self, graphs: Sequence[Graph], batch_size: int) -> Float[Tensor, "n d"]:
        config = self.trunk.config
        found = torch.empty(len(graphs), self.width, device=self.mean.device)
        for places, batch in batches([sayable(graph, config) for graph in graphs], config, batch_size):
            x, real = self.trunk.encode(batch.to(found.device)).x, batch.real.to(found.device)[..., None]
            found[places] = (x * real).sum(1) / real.sum(1)
        return found


def _positive(deviation: Tensor) -> Tensor:
    return torch.where(deviation > 1e-6, deviation, 1.0)


def _draws(count: int, batch_size: int, steps: int, seed: int) -> list[list[int]]:
    """Places of every step, each pass over all of them in another order."""
    chance = random.Random(seed)
    order: list[int] = []
    while len(order) < steps * batch_size:
        order += chance.sample(range(count), count)
    return [order[step * batch_size : (step + 1) * batch_size] for step in range(steps)]
