"""The stages that judge mail from outside, made anew at every reload."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, evolve

from mailsuite.house.tree import Tree
from mailsuite.interfaces.receiving import IStage
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.verdict import Rules
from mailsuite.policy.networks import RELAYING, networks
from mailsuite.policy.reception import Purpose
from mailsuite.policy.stages.authentication import Authentication
from mailsuite.policy.stages.results import Results


@define(eq=False, repr=False)
class Judging:
    """``own`` are the settings that domains have in their files."""

    ground: Ground
    own: Mapping[str, Mapping[str, Any]]

    def stages(self, purpose: Purpose, tree: Tree) -> Sequence[IStage]:
        """Make those of a purpose. :raises UsageError: a setting cannot be used."""
        settings = tree.authentication
        if not settings.enabled:
            return ()
        if purpose is Purpose.SUBMISSION:
            return (Results(settings.authserv_id or self.ground.hostname),)
        lmtp = purpose is Purpose.LMTP
        if lmtp and not settings.lmtp:
            return ()
        relaying = tree.policy.relay_networks
        networks(RELAYING, relaying)  # what is wrong with it is told by its name
        exempt = (*settings.exempt, *relaying)
        settings = evolve(settings, exempt=exempt)
        rules = {
            domain: Rules.of(evolve(settings, **values))
            for domain, values in self.own.items()
        }
        return (Authentication(self.ground, settings, rules, asks=not lmtp),)
