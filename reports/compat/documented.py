# SPDX-License-Identifier: MIT
"""What the tables say of Landlock's ABI, whatever any kernel was seen to do."""

from collections.abc import Iterator, Mapping

from reports.compat.document import (
    AbiState,
    AbiSupport,
    AbiVersion,
    By,
    CompatCall,
    CompatChange,
    CompatErratum,
    CompatFeature,
    CompatLimit,
    CompatStruct,
    Evidence,
    RuleKind,
    StructField,
)
from reports.compat.phrases import ABOUT, fallback
from suite.judge.absence import Way
from suite.judge.behaviours import Behaviour, behaviours
from suite.judge.expectation import refusal
from suite.judge.outcome import Rejected
from suite.landlock import abi as table
from suite.landlock import changes
from suite.landlock.abi import (
    ADD_RULE,
    CREATE,
    ERRATA_PROMISED,
    FS,
    HANDLED,
    LANDLOCK,
    NET,
    PERMISSION,
    RESTRICT,
    SCOPE,
    TAKEN_BY,
    Abi,
    Erratum,
    Feature,
    Fix,
    Limit,
    known_bits,
)
from suite.landlock.calls import CALLS, RULE_TYPES

PLACE: dict[type[Feature], str] = {
    FS: "handled_access_fs",
    NET: "handled_access_net",
    SCOPE: "scoped",
    PERMISSION: "handled_permissions",
    CREATE: "landlock_create_ruleset(2), flags",
    ADD_RULE: "landlock_add_rule(2), flags",
    RESTRICT: "landlock_restrict_self(2), flags",
}
KIND: dict[type[Feature], str] = {
    FS: "access right",
    NET: "access right",
    SCOPE: "scope",
    PERMISSION: "permission",
    CREATE: "flag",
    ADD_RULE: "flag",
    RESTRICT: "flag",
}
HEADER = "include/uapi/linux/landlock.h"

_RULESET_ATTR = "landlock_ruleset_attr"


def since(feature: Feature) -> int:
    """The ABI version that brought a feature, as mainline has it."""
    return ERRATA_PROMISED if feature is CREATE.ERRATA else feature.since


def without() -> dict[str, str]:
    """What a kernel without Landlock answers, and why."""
    return {"ENOSYS": Way.NOT_BUILT.value.says, "EOPNOTSUPP": Way.DISABLED.value.says}


def abis() -> dict[str, AbiVersion]:
    """Every ABI version that a release has, by number.

    What is upcoming may change until then, and who makes bindings of these data would publish
    numbers that mean something else, or nothing.
    """
    return {str(abi.version): _abi(abi) for abi in _released()}


def _released() -> list[Abi]:
    return [abi for abi in table.ABIS.values() if not abi.upcoming]


def _is_released(since: int) -> bool:
    """Whether a release has what an ABI version brought."""
    return since in {abi.version for abi in _released()}


def _abi(abi: Abi) -> AbiVersion:
    create = known_bits(CREATE, abi.version)
    return AbiVersion(
        release=abi.release,
        merge=abi.source,
        attr_size=abi.attr_size,
        handled_access_fs=int(known_bits(FS, abi.version)),
        handled_access_net=int(known_bits(NET, abi.version)),
        scoped=int(known_bits(SCOPE, abi.version)),
        create_ruleset_flags=int(sum(bit for bit in create if since(bit) <= abi.version)),
        add_rule_flags=int(known_bits(ADD_RULE, abi.version)),
        restrict_self_flags=int(known_bits(RESTRICT, abi.version)),
        adds=[label for label, bit in table.FEATURES.items() if since(bit) == abi.version],
        evidence=Evidence(by=By.DOCUMENTED),
    )


def calls() -> dict[str, CompatCall]:
    """The three system calls, by name."""
    return {
        name: CompatCall(
            number=call.number,
            arguments=list(call.arguments),
            abi=LANDLOCK.version,
            release=LANDLOCK.release,
        )
        for name, call in CALLS.items()
    }


def rule_types() -> dict[str, RuleKind]:
    """The kinds of rules, by short name."""
    return {
        name: RuleKind(
            constant=row.constant,
            value=row.value,
            abi=row.since,
            release=table.ABIS[row.since].release,
            struct=row.struct,
        )
        for name, row in RULE_TYPES.items()
        if _is_released(row.since)
    }


def structs() -> dict[str, CompatStruct]:
    """The structs that the calls take, by name."""
    size = max(abi.attr_size for abi in _released())
    attr = [
        StructField(name=it.name, type="__u64", offset=8 * at, size=8, abi=_known_from(8 * at + 8))
        for at, it in enumerate(table.RULESET_ATTR[: size // 8])
    ]
    found = {_RULESET_ATTR: CompatStruct(size=8 * len(attr), call=_call("create"), fields=attr)}
    for row in filter(lambda row: _is_released(row.since), RULE_TYPES.values()):
        fields, offset = [], 0
        for it in row.fields:
            fields.append(
                StructField(name=it.name, type=it.type, offset=offset, size=it.size, abi=row.since)
            )
            offset += it.size
        found[row.struct] = CompatStruct(size=offset, call=_call("add_rule"), fields=fields)
    return found


def _known_from(size: int) -> int:
    """The first ABI version that knows so many bytes of the attribute."""
    return min(abi.version for abi in table.ABIS.values() if abi.attr_size >= size)


def _call(part: str) -> str:
    """The whole name of a call, of the name that outcomes have for it."""
    return next(name for name in CALLS if name.startswith(f"landlock_{part}"))


def features() -> dict[str, CompatFeature]:
    """Every access right, scope and flag, by short name, the oldest first."""
    known = (label for label, bit in table.FEATURES.items() if _is_released(since(bit)))
    labels = sorted(known, key=lambda label: since(table.FEATURES[label]))
    return {label: _feature(label, table.FEATURES[label]) for label in labels}


def _feature(label: str, feature: Feature) -> CompatFeature:
    abi = table.ABIS[since(feature)]
    return CompatFeature(
        kind=KIND[type(feature)],
        constant=feature.constants[0],
        value=int(feature),
        call=_call(TAKEN_BY[type(feature)]),
        place=PLACE[type(feature)],
        abi=abi.version,
        release=abi.release,
        source=f"{HEADER}; merged by {abi.source}",
        description=ABOUT.get(label, ""),
        fallback=""
        if feature.since == LANDLOCK.version == abi.version
        else fallback(label, PLACE[type(feature)], is_flag=KIND[type(feature)] == "flag"),
        by_abi=dict(_by_abi(feature)),
        support={},
    )


def _by_abi(feature: Feature) -> Iterator[tuple[str, AbiSupport]]:
    for number in (abi.version for abi in _released()):
        if number >= since(feature):
            yield str(number), AbiSupport(state=AbiState.PROVIDED, by=By.DOCUMENTED)
            continue
        refused = _refused_alone(feature, number)
        # Stable kernels took the errata interface, which no ABI version promises.
        varies = feature.since <= number
        yield (
            str(number),
            AbiSupport(
                state=AbiState.VARIES if varies else AbiState.REFUSED,
                call=_call(refused.syscall),
                errno=refused.errno,
                by=By.DOCUMENTED,
            ),
        )


def _refused_alone(feature: Feature, abi: int) -> Rejected:
    """How a kernel refuses who asks for nothing else that is newer than it.

    An unknown flag is EINVAL of the call that takes it; what a ruleset has is looked at by its
    size first.
    """
    if isinstance(feature, HANDLED):
        return refusal((feature,), abi)
    return Rejected(TAKEN_BY[type(feature)], "EINVAL")


def changed() -> dict[str, CompatChange]:
    """What changed without a bit, by name."""
    return {
        name.lower().replace("_", "-"): CompatChange(
            abi=it.since, release=it.release, commit=it.commit, subject=it.subject
        )
        for name, it in vars(changes).items()
        if isinstance(it, changes.Change)
    }


def limits() -> dict[str, CompatLimit]:
    """Every limit, by short name."""
    listed = behaviours()
    return {name: _limit(limit, listed) for name, limit in table.LIMITS.items()}


def _limit(limit: Limit, listed: Mapping[str, Behaviour]) -> CompatLimit:
    return CompatLimit(
        constant=limit.constant,
        value=limit.value,
        counts=limit.counts,
        least=limit.least,
        abi=limit.since,
        source=limit.source,
        unmeasured=" ".join(filter(None, (listed[it].reason for it in limit.behaviours))),
        support={},
    )


def errata() -> dict[str, CompatErratum]:
    """Every erratum, by number."""
    return {str(int(number)): _erratum(number, fix) for number, fix in table.ERRATA.items()}


def _erratum(number: Erratum, fix: Fix) -> CompatErratum:
    return CompatErratum(
        name=number.name.lower().replace("_", " "),
        value=1 << (number - 1),
        abi=fix.since,
        release=fix.bug.mainline,
        bug=fix.bug.name,
        source=f'security/landlock/errata/abi-{fix.since}.h; "{fix.bug.subject}" '
        f"({fix.bug.commit})",
        features=[],
        support={},
    )
