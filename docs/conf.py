"""How the site is built: Markdown pages, executed tutorials, and a reference read from the docstrings."""

from pathlib import Path

from docutils import nodes
from docutils.utils import new_document
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from humboldt import __version__

project = "Humboldt"
author = "The Humboldt developers"
release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "furo"
html_title = f"Humboldt {release}"

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_default_options = {"members": True, "imported-members": True, "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
suppress_warnings = [
    "ref.python",  # a name that two faces show
    "myst.header",  # a docstring's headings begin below those of its page
]


class Markdown(SphinxDirective):
    """Reads its content as Markdown, which is what the docstrings of this project are written in."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        document = new_document(self.state.document["source"], self.state.document.settings)
        MystParser().parse("\n".join(self.content), document)
        return document.children


class Catalog(SphinxDirective):
    """The cards of the data catalog; pictures are made from what can be generated, beside the page."""

    def run(self) -> list[nodes.Node]:
        from humboldt.catalog_page import page_fragment

        return [nodes.raw("", page_fragment(Path(self.env.app.outdir) / "catalog"), format="html")]


def docstring_is_markdown(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """Hand a docstring to the Markdown parser, with its lines as they are written."""
    lines[:] = [".. markdown::", "", *(f"   {line}" for line in lines), ""]


def setup(app: Sphinx) -> None:
    app.add_directive("markdown", Markdown)
    app.add_directive("catalog", Catalog)
    app.connect("autodoc-process-docstring", docstring_is_markdown)
