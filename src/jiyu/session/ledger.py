"""What was reported of a conversation and not settled yet, and the alerts that change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from jiyu.model import Alert, AlertType, Finding


class Ledger:
    """The findings of one session that were reported.

    Findings are reported by *place*: a turn, or a check that looks at more than a turn.  What is
    reported of a place replaces what was reported of it before; the ledger says what has changed.
    No id is open twice, and none is reported again after it was confirmed.

    Attributes:
        open: What was raised and not settled, by place.
        confirmed: Ids of what was.
    """

    def __init__(
        self,
        conversation_id: str,
        unsettled: Mapping[str, Sequence[Finding]] | None = None,
        confirmed: Iterable[str] = (),
    ) -> None:
        self._conversation_id = conversation_id
        self.open: dict[str, list[Finding]] = {k: list(v) for k, v in (unsettled or {}).items()}
        self.confirmed = set(confirmed)
        self._ids = {finding.finding_id for found in self.open.values() for finding in found}

    def report(
        self, place: str, findings: Sequence[Finding], standing: Iterable[str] = ()
    ) -> Iterator[Alert]:
        """Take in all that is found at a place now.

        A finding that is gone and a new one of the same rule are one that has moved.

        Args:
            place: Where.
            findings: What, still provisional.
            standing: Ids of those that will not change any more.
        """
        before = self.open.get(place, [])
        if not findings and not before:
            return
        own = {finding.finding_id: finding for finding in before}
        now: dict[str, Finding] = {}
        for finding in findings:
            name = finding.finding_id
            if name in own or (name not in self._ids and name not in self.confirmed):
                now.setdefault(name, finding)
        yield from self._changes(own, now)
        stands = set(standing)
        for finding in now.values():
            if finding.finding_id in stands:
                yield self._confirm(finding)
        left = [finding for name, finding in now.items() if name not in stands]
        self._ids -= own.keys() | now.keys()
        self._ids |= {finding.finding_id for finding in left}
        if left:
            self.open[place] = left
        else:
            self.open.pop(place, None)

    def _changes(self, own: Mapping[str, Finding], now: Mapping[str, Finding]) -> Iterator[Alert]:
        gone = [finding for name, finding in own.items() if name not in now]
        for name, finding in now.items():
            known = own.get(name)
            if known is None:
                known = next((f for f in gone if f.rule == finding.rule), None)
                if known is None:
                    yield self._alert("raised", finding)
                    continue
                gone.remove(known)
            if known != finding:
                yield self._alert("updated", finding, known.finding_id)
        for finding in gone:
            yield self._alert("retracted", finding)

    def settle(self, findings: Sequence[Finding]) -> Iterator[Alert]:
        """Settle everything by what was found in the whole conversation."""
        final = {finding.finding_id for finding in findings}
        raised = {f.finding_id for found in self.open.values() for f in found}
        for found in self.open.values():
            for finding in found:
                if finding.finding_id not in final:
                    yield self._alert("retracted", finding)
        for finding in findings:
            name = finding.finding_id
            if name in self.confirmed:
                continue
            if name not in raised:
                yield self._alert("raised", msgspec.structs.replace(finding, state="provisional"))
            yield self._confirm(finding)
        self.open.clear()
        self._ids.clear()

    def _confirm(self, finding: Finding) -> Alert:
        self.confirmed.add(finding.finding_id)
        return self._alert("confirmed", msgspec.structs.replace(finding, state="confirmed"))

    def _alert(self, kind: AlertType, finding: Finding, previous: str | None = None) -> Alert:
        if kind == "retracted":
            finding = msgspec.structs.replace(finding, state="retracted")
        return Alert(kind, self._conversation_id, finding, previous)
