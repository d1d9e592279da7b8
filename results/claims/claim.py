"""PublishedClaim: a sentence of a paper, and how data decide whether it holds for them."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from ganscape.results.claims.rules import Contrast, Rule
from ganscape.results.frames import Results


class Paper(NamedTuple):
    """A published study, with the protocol that its claims are about.

    name: as in claims' names. title, link: of the paper. data: names of its data sets here. architecture: of its
    networks. images: real images per training, by data set where they differ; metric: the score.
    """

    name: str
    title: str
    link: str
    data: tuple[str, ...]
    architectures: tuple[str, ...]
    images: int
    metric: str


class PublishedClaim(NamedTuple):
    """A claim of a paper as data.

    name: such as "landscape/sn-helps". sentence: what the paper says, in our words. where: the place in the paper.
    studies: names of studies whose folders can test it. rule: how contrasts decide it. margin: a factor of scores; for
    "alike" the largest one that counts as alike, else the least one that counts as a difference.
    contrasts: (folders, keep_failed) -> the estimates that the rule looks at, each below 0 where the claim is true;
    raises NotTestable. folders: one folder, or several, where `joint`.
    unit: what the evidence is counted in. joint: which folders answer together: "" for each alone, "protocol" for those
    scored by one protocol, "all".
    published: the paper's own numbers, "" where it has none. metric: what the claim is about, "" for the paper's score.
    """

    name: str
    sentence: str
    paper: Paper
    where: str
    studies: tuple[str, ...]
    rule: Rule
    margin: float
    contrasts: Callable[..., Sequence[Contrast]]
    unit: str
    joint: Literal["", "protocol", "all"] = ""
    published: str = ""
    metric: str = ""

    def testable_with(self, results: Results) -> bool:
        """Returns whether a folder is of a study that can test this claim."""
        return results.study.get("study", "") in self.studies
