"""Where species live: a network that reads presences as a context, and what ecologists do with its answers."""

from .batch import ABSENCE, BACKGROUND, TARGET_GROUP, SpeciesBatch, Suitability
from .build import build_species
from .classifier import SpeciesClassifier
from .config import SpeciesConfig, biodiversity_nano
from .estimator import SpeciesModel
from .extrapolation import mess
from .invasion import arrival_times, detection_ranking
from .mapping import map_pieces, predict_species
from .maps import generalise_maps
from .niches import NicheOverlap, niche_overlap, schoener_d, warren_i
from .pretraining import VirtualSpecies
from .program import SpeciesProgram
from .quantiles import ENVIRONMENT, PLACE
from .recorded import RecordedSpecies
from .region_tasks import RegionTasks, SurveyedSpecies, evaluate_species, is_region_folder, open_region
from .responses import permutation_importance, plot_map, plot_responses, response_curves
from .surveyed import SurveyedRegion, read_region, read_regions, tables_to_batch
from .transfer import Transfer, transfer
from .virtual import VirtualRegion, virtual_occurrences, virtual_region, virtual_species

__all__ = [
    "ABSENCE",
    "BACKGROUND",
    "ENVIRONMENT",
    "PLACE",
    "TARGET_GROUP",
    "NicheOverlap",
    "RecordedSpecies",
    "RegionTasks",
    "SpeciesBatch",
    "SpeciesClassifier",
    "SpeciesConfig",
    "SpeciesModel",
    "SpeciesProgram",
    "Suitability",
    "SurveyedRegion",
    "SurveyedSpecies",
    "Transfer",
    "VirtualRegion",
    "VirtualSpecies",
    "arrival_times",
    "biodiversity_nano",
    "build_species",
    "detection_ranking",
    "evaluate_species",
    "generalise_maps",
    "is_region_folder",
    "map_pieces",
    "mess",
    "niche_overlap",
    "open_region",
    "permutation_importance",
    "plot_map",
    "plot_responses",
    "predict_species",
    "read_region",
    "read_regions",
    "response_curves",
    "schoener_d",
    "tables_to_batch",
    "transfer",
    "virtual_occurrences",
    "virtual_region",
    "virtual_species",
    "warren_i",
]
