"""One species from a table of variables and a column of 0 and 1, as scikit-learn's pipelines and folds take it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit

from humboldt.data_catalog import DataError
from humboldt.foundations import Model

from ..metrics import auc_roc, best_threshold
from .estimator import SpeciesModel
from .parameters import Parameters
from .records import NOT_VARIABLES, PLACES


class SpeciesClassifier(Parameters):
    """A `SpeciesModel` of one species with the interface of a scikit-learn classifier; nothing is trained.

    It can be cloned, put into a `Pipeline`, searched, and validated with folds that lie apart:
    `cross_val_score(SpeciesClassifier(), variables, presence, cv=block_folds(...), scoring="roc_auc")`.

    Args:
        model: a network of species distributions, or a folder that holds one; `humboldt/biodiversity-nano` by default.
        contrast: what 0 stands for: points of the `background`, or an `absence`, a place where people looked.
        place: use the columns x and y as coordinates; without, they are left out of a table with names.
        seed: of the points that are taken where there are more than 512.

    Attributes:
        classes_: both values of the column that was fitted to, the presence last.
        threshold_: suitability from which `predict` says presence: the best true skill statistic of what was fitted.
        species_: the fitted `SpeciesModel`.
        n_features_in_, feature_names_in_: columns, the names only of tables.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        model: Model | str | Path | None = None,
        *,
        contrast: Literal["background", "absence"] = "background",
        place: bool = False,
        seed: int = 0,
    ) -> None:
        self.model, self.contrast, self.place, self.seed = model, contrast, place, seed

    def fit(self, X: Any, y: Any) -> SpeciesClassifier:
        """Read variables (points, variables) and whether the species was there.

        Raises:
            DataError: missing values, another number of classes than two, fewer than two presences, or what
                `SpeciesModel.fit` refuses.
        """
        table, observed = self._table(X, is_new=True), np.asarray(y).ravel()
        if len(observed) != len(table):
            raise DataError(f"every point has a 0 or a 1, got {len(table)} points and {len(observed)} values")
        self.classes_, said = np.unique(observed, return_inverse=True)
        if len(self.classes_) != 2:
            raise DataError(f"a species was there (1) or not (0), got the classes {self.classes_[:5].tolist()}")
        if self.contrast not in ("background", "absence"):
            raise DataError(f"contrast is 'background' or 'absence', got {self.contrast!r}")
        present = said == 1
        around = table[~present] if self.contrast == "background" else table
        records = table[present] if self.contrast == "background" else table
        names = [str(c) for c in table if c not in NOT_VARIABLES]
        model = SpeciesModel(self.model, place=self.place, seed=self.seed)
        records = records.assign(scientificName="species", present=present[records.index])
        self.species_ = model.fit(records, around, variables=names)
        suitability = self._suitability(table)
        best = best_threshold(present, suitability)
        self.threshold_ = (best + max(suitability[suitability < best], default=best)) / 2  # between points: no ties
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """1 - suitability, and suitability, (points, 2)."""
        found = self._suitability(self._table(X))
        return np.stack([1 - found, found], axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logit of the suitability, (points,)."""
        return self._logit(self._table(X))

    def predict(self, X: Any) -> np.ndarray:
        """The class of each point, by `threshold_`."""
        found = self._suitability(self._table(X))
        return np.asarray(self.classes_[(found >= self.threshold_).astype(int)])

    def score(self, X: Any, y: Any) -> float:
        """Area under the ROC curve."""
        found = self.decision_function(X)
        return auc_roc(np.asarray(y).ravel() == self.classes_[1], found)

    def _suitability(self, table: pd.DataFrame) -> np.ndarray:
        return np.asarray(expit(self._logit(table)))

    def _logit(self, table: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.species_.answer(table)[0][0], float)

    def _table(self, X: Any, is_new: bool = False) -> pd.DataFrame:
        """The points as a table without gaps, its columns called by their numbers where they have no names."""
        if not is_new and not hasattr(self, "species_"):
            raise DataError("a classifier is fitted before it predicts; call fit(variables, presence) first")
        is_named = isinstance(X, pd.DataFrame)
        values: Any = X if is_named else np.asarray(X)
        if values.ndim != 2:
            raise DataError(f"points are a table (points, variables), got an array of the shape {values.shape}")
        names = list(map(str, values.columns)) if is_named else [f"variable {i}" for i in range(values.shape[1])]
        table = pd.DataFrame(np.asarray(values), columns=names).apply(pd.to_numeric, errors="coerce")
        wanted = [n for n in names if n not in NOT_VARIABLES or (self.place and n in PLACES)]
        lacking = ~np.isfinite(table[wanted].to_numpy(float))
        if lacking.any():
            raise DataError(
                f"variables are finite numbers, got {int(lacking.any(1).sum())} points with NaN or infinity, as in "
                f"{wanted[int(lacking.any(0).argmax())]!r}; leave them out, or put sklearn.impute.SimpleImputer before"
            )
        if is_new:
            self.n_features_in_ = len(names)
            if is_named:
                self.feature_names_in_ = np.asarray(names, dtype=object)
        elif len(names) != self.n_features_in_ and not is_named:
            raise DataError(f"points have the {self.n_features_in_} variables of the fit, got {len(names)}")
        return table

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "species_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn (from 1.6 on) wants to know."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(),
        )
