"""A species as a scikit-learn classifier: copied, put into pipelines, searched, validated with folds that lie apart."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import block_folds, true_skill
from humboldt.domains.biodiversity.distribution import SpeciesClassifier, SpeciesModel
from tests.domains.biodiversity.distribution.small import network

RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(300, 3)) @ RANDOM.normal(size=(3, 3)), columns=["warm", "wet", "high"])
Y = (X["warm"].to_numpy() + RANDOM.normal(size=300) > 1).astype(int)
PLACE = RANDOM.uniform(0, 5, (2, 300))


def test_it_says_what_a_model_of_the_same_points_says() -> None:
    found = SpeciesClassifier(network()).fit(X, Y).predict_proba(X)
    model = SpeciesModel(network()).fit(X[Y == 1], X[Y == 0])
    assert found[:, 1] == pytest.approx(model.predict(X)["suitability"].to_numpy(), abs=1e-6)
    assert found.sum(1) == pytest.approx(1)
    looked = SpeciesClassifier(network(), contrast="absence").fit(X, Y)
    assert looked.species_._context.contrast_kind.tolist() == [2]
    assert np.abs(looked.predict_proba(X) - found).max() > 1e-5


def test_a_point_is_told_alike_alone_and_among_others() -> None:
    fitted = SpeciesClassifier(network()).fit(X, Y)
    together = fitted.predict(X)
    assert together.tolist() == [fitted.predict(X.iloc[[i]])[0] for i in range(len(X))]
    said = fitted.predict_proba(X)[:, 1] >= fitted.threshold_
    chosen = (said[Y == 1].mean() + 1 - said[Y == 0].mean()) - 1
    assert chosen == pytest.approx(true_skill(Y, fitted.predict_proba(X)[:, 1]))


def test_arrays_say_what_tables_say_and_words_stand_for_classes() -> None:
    plain = SpeciesClassifier(network()).fit(X, Y)
    words = np.where(Y == 1, "there", "missing")
    other = SpeciesClassifier(network()).fit(X.to_numpy(), words)
    assert other.predict_proba(X.to_numpy()) == pytest.approx(plain.predict_proba(X))
    assert other.classes_.tolist() == ["missing", "there"]
    assert set(other.predict(X.to_numpy())) == {"missing", "there"}
    assert other.score(X.to_numpy(), words) == plain.score(X, Y)


def test_a_copy_has_the_arguments_and_not_the_fit() -> None:
    fitted = SpeciesClassifier(network(), place=True, seed=7).fit(X.assign(x=0.0, y=0.0), Y)
    copy = clone(fitted)
    assert copy.get_params() | {"model": None} == {"model": None, "contrast": "background", "place": True, "seed": 7}
    assert not hasattr(copy, "species_")
    assert is_classifier(copy)
    assert clone(SpeciesModel(season=True)).get_params() == SpeciesModel(season=True).get_params()
    assert repr(SpeciesModel(season=True)) == "SpeciesModel(season=True)"
    with pytest.raises(DataError, match=r"parameters are \[.*got 'sead'; did you mean 'seed'"):
        copy.set_params(sead=3)


def test_folds_that_lie_apart_validate_a_pipeline() -> None:
    folds = block_folds(PLACE[0], PLACE[1], 50_000.0, folds=3, presence=Y)
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), SpeciesClassifier(network()))
    missing = X.mask(RANDOM.random(X.shape) < 0.05)
    scores = cross_val_score(pipeline, missing, Y, cv=folds, scoring="roc_auc")
    by_hand = [clone(pipeline).fit(missing.iloc[t], Y[t]).score(missing.iloc[v], Y[v]) for t, v in folds]
    assert scores == pytest.approx(by_hand)
    assert len(cross_val_predict(pipeline, missing, Y, cv=list(folds), method="predict_proba")) == len(Y)
    search = GridSearchCV(pipeline, {"speciesclassifier__contrast": ["background", "absence"]}, cv=folds)
    assert search.fit(missing, Y).best_params_["speciesclassifier__contrast"] in ("background", "absence")


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X.mask(X > 2), Y, r"finite numbers, got \d+ points with NaN or infinity, as in '\w+'; leave them out, or put"),
        (X, Y[:5], "got 300 points and 5 values"),
        (X, Y * 0, r"was there \(1\) or not \(0\), got the classes \[0\]"),
        (X, np.eye(300, dtype=int)[0], "at least two presences with an environment, got 1"),
        (X["warm"], Y, r"a table \(points, variables\), got an array of the shape \(300,\)"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x, y, message):
    with pytest.raises(DataError, match=message):
        SpeciesClassifier(network()).fit(x, y)


def test_other_variables_and_an_unfitted_classifier_are_refused() -> None:
    with pytest.raises(DataError, match="fitted before it predicts"):
        SpeciesClassifier(network()).predict(X)
    with pytest.raises(DataError, match="contrast is 'background' or 'absence', got 'absences'"):
        SpeciesClassifier(network()).set_params(contrast="absences").fit(X, Y)
    fitted = SpeciesClassifier(network()).fit(X, Y)
    with pytest.raises(DataError, match="got no 'high'"):
        fitted.predict(X.drop(columns="high"))
    with pytest.raises(DataError, match="have the 3 variables of the fit, got 2"):
        SpeciesClassifier(network()).fit(X.to_numpy(), Y).predict(X.to_numpy()[:, :2])
