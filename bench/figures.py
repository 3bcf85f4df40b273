"""The figures that Postern is held to: which cells they come from, their targets, and how a row of the table reads."""
import dataclasses
import math
from typing import Callable

import insight
from cells import median

Results = dict[tuple[str, str], list[dict]]  # (cell, server) -> runs


@dataclasses.dataclass(frozen=True)
class Row:
    what: str
    postern: str
    beside: str
    ratio: str
    target: str
    verdict: str  # "met", "missed", "no peer", "not run"


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def _against(results: Results, cell: str, field: str, peer: str, limit: float, at_most: bool, what: str, peer_cell: str = "") -> Row:
    ours, theirs = median(results.get((cell, "postern"), []), field), median(results.get((peer_cell or cell, peer), []), field)
    ratio = ours / theirs if theirs else float("nan")
    if at_most:
        target = f"at most 1/{1 / limit:.0f}" if limit < 1 else "below it"
        met = ratio <= limit
        shown = f"1/{theirs / ours:.1f}" if ours and not math.isnan(ratio) else "-"
    else:
        target = f"at least {limit:.0f} times" if limit >= 1 else f"at least {limit * 100:.0f} %"
        met = ratio >= limit
        shown = f"{ratio:.1f} times" if limit >= 1 else f"{ratio * 100:.0f} %"
    if math.isnan(ours):
        return Row(what, "-", f"{peer} {_number(theirs)}", "-", target, "not run")
    if math.isnan(theirs):
        return Row(what, _number(ours), f"{peer} -", "-", target, "no peer")
    return Row(what, _number(ours), f"{peer} {_number(theirs)}", shown, target, "met" if met else "missed")


def _absolute(value: float, limit: float, at_most: bool, unit: str, what: str, beside: str = "") -> Row:
    target = f"{'at most' if at_most else 'at least'} {limit:g} {unit}"
    if math.isnan(value):
        return Row(what, "-", beside, "", target, "not run")
    return Row(what, _number(value), beside, "", target, "met" if (value <= limit if at_most else value >= limit) else "missed")


def _rate(cell: str, words: str, peer: str, limit: float) -> Callable[[Results], Row]:
    return lambda results: _against(results, cell, "rate", peer, limit, False, f"{words}: messages/s")


def _cpu(cell: str, words: str, peer: str, limit: float, peer_cell: str = "") -> Callable[[Results], Row]:
    return lambda results: _against(results, cell, "cpu_per_1000", peer, limit, True, f"{words}: CPU s per 1000", peer_cell)


def _tls(cell: str, words: str, limit: float) -> Callable[[Results], Row]:
    def row(results: Results) -> Row:
        theirs = median(results.get((cell, "postfix"), []), "cpu_per_1000")
        return _absolute(median(results.get((cell, "postern"), []), "cpu_per_1000"), limit, True, "s", f"{words}: CPU s per 1000",
                         f"postfix {_number(theirs)}")
    return row


def _single(cell: str, field: str, limit: float, at_most: bool, unit: str, what: str) -> Callable[[Results], Row]:
    return lambda results: _absolute(median(results.get((cell, "postern"), []), field), limit, at_most, unit, what)


def _added_by_authentication(results: Results) -> Row:
    def cpu(cell: str) -> float:
        return median(results.get((cell, "postern"), []), "cpu_per_1000") * 1000  # microseconds a message

    fresh = cpu("auth-fresh") - cpu("auth-off")
    return _absolute(cpu("auth-known") - cpu("auth-off"), 150, True, "us",
                     "mail authentication, 4 KiB, one signature: CPU us added",
                     f"names never seen {_number(fresh)} us; without it {_number(cpu('auth-off'))} us in all")


def _beside_the_floor(results: Results) -> Row:
    ours, floor = (median(results.get(("refuse", name), []), "cpu_per_1000") for name in ("postern", "responder"))
    return Row("the same, beside a bare epoll loop that answers fixed lines", _number(ours), f"responder {_number(floor)}",
               f"{ours / floor:.2f} times" if floor else "-", "", "measured")


def _added_by_defence(results: Results) -> Row:
    def cpu(cell: str) -> float:
        return median(results.get((cell, "postern"), []), "cpu_per_1000") * 1000  # microseconds a session

    return _absolute(cpu("defence-known") - cpu("defence-off"), 40, True, "us", "the whole defence, refused session: CPU us added",
                     f"names never seen {_number(cpu('defence-fresh') - cpu('defence-off'))} us; without it {_number(cpu('defence-off'))} us in all")


def _defended_beside_postscreen(results: Results) -> Row:
    return _against(results, "defence-known", "cpu_per_1000", "postscreen", 1, True,
                    "refused session with the whole defence: CPU s per 1000", "refuse-postscreen")


def _cpu_us(results: Results, cell: str) -> float:
    return median(results.get((cell, "postern"), []), "cpu_us")


def _dkim_small(results: Results) -> Row:
    ours, bare = _cpu_us(results, "dkim/verify_4k"), _cpu_us(results, "dkim/baseline_4k")
    row = _absolute(ours / bare, 1.2, True, "times", "DKIM, 4 KiB, RSA-2048, key cached: beside EVP_DigestVerify and SHA-256",
                    f"{_number(ours)} us, bare {_number(bare)}; key never seen {_number(_cpu_us(results, 'dkim/verify_4k_new_key'))}")
    return row


def _dkim_peers(results: Results) -> Row:
    beside = {peer: median(results.get(("dkim-peers", peer), []), "cpu_us") for peer in ("dkimpy", "mailauth", "opendkim", "rspamd")}
    shown = ", ".join(f"{peer} {_number(value)}" for peer, value in beside.items())
    return Row("DKIM, 4 KiB, as a tool or daemon: CPU us a message", _number(_cpu_us(results, "dkim-peers")), shown, "", "measured", "")


def _dkim_large(kind: str) -> Callable[[Results], Row]:
    def row(results: Results) -> Row:
        ours, bare = _cpu_us(results, f"dkim/verify_1m_{kind}"), _cpu_us(results, "dkim/sha256_1m")
        return _absolute(bare / ours, 0.85, False, "of SHA-256's throughput", f"DKIM, 1 MiB, {kind.replace('_', ', ')}",
                         f"{_number(ours)} us, SHA-256 {_number(bare)}")
    return row


def _per_second(cell: str, limit: float, what: str) -> Callable[[Results], Row]:
    def row(results: Results) -> Row:
        rate = 1e6 / _cpu_us(results, cell)
        return _absolute(rate, limit, False, "a second", what) if limit else Row(what, _number(rate), "", "", "measured", "")
    return row


def _recorded(cell: str, limit: float, what: str) -> Callable[[Results], Row]:
    def row(results: Results) -> Row:
        rate = insight.SESSIONS * 1e6 / _cpu_us(results, f"insight/{cell}")
        return _absolute(rate, limit, False, "a second", what) if limit else Row(what, _number(rate), "", "", "measured", "")
    return row


def _stats(cell: str, limit: float, what: str, peer: str) -> Callable[[Results], Row]:
    def row(results: Results) -> Row:
        ours, theirs = (median(results.get((cell, server), []), "gb_per_s") for server in ("postern", peer))
        if limit:
            return _absolute(ours, limit, False, "GB/s", what, f"{peer} {_number(theirs)}")
        return Row(what, _number(ours), f"{peer} {_number(theirs)}", "", "", "measured")
    return row


def _attacks(results: Results, run: str) -> list[tuple[int, dict]]:
    return [(number, runs[-1]) for number in range(1, 7) if (runs := results.get((f"attacks/{run} S{number}", "postern")))]


def _budgets(results: Results) -> Row:
    row = _absolute(1e6 / _cpu_us(results, "bounds/budgets/90%_known"), 2e6, False, "a second", "prefix budgets, 8 MiB, one core: events",
                    f"nobody known {_number(1e6 / _cpu_us(results, 'bounds/budgets/nobody_known'))}, "
                    f"a flood {_number(1e6 / _cpu_us(results, 'bounds/budgets/rotating_64s_of_one_32'))}")
    return row


def _catch(results: Results) -> Row:
    runs = _attacks(results, "8 MiB")
    worst = max((abs(run["catch"] - run["catch_exactly"]) for _, run in runs), default=math.nan) * 100
    beside = "caught " + ", ".join(f"S{number} {run['catch'] * 100:.1f} %" for number, run in runs)
    return _absolute(worst, 0.5, True, "percentage points", "attacks, 8 MiB: catch, farthest from an exact hierarchy", beside)


def _innocents(results: Results) -> Row:
    runs = _attacks(results, "8 MiB")
    worst = max((run["innocents_deferred"] for _, run in runs), default=math.nan) * 100
    small = max((run["innocents_deferred"] for _, run in _attacks(results, "256 KiB")), default=math.nan) * 100
    return _absolute(worst, 0.01, True, "%", "attacks: innocents known or outside who are deferred, worst of six",
                     f"with 256 KiB {_number(small)} %")


def _day_one(results: Results) -> Row:
    def share(run: str) -> str:
        row = (results.get((f"attacks/{run} S1", "postern")) or [{}])[-1]
        return _number(row.get("newcomers_outside_deferred", math.nan) * 100)
    return Row("attacks, day one, nobody known: newcomers outside who are deferred, %", share("day one"),
               f"budgets of an organisation (scale 4) {share('day one, scale 4')}", "", "measured", "")


def _growth(results: Results) -> Row:
    row = (results.get(("attacks/growth", "postern")) or [{}])[-1]
    return _absolute(row.get("bytes_grown", math.nan), 0, True, "octets", "10,000,000 attacking /64s: memory grown")


def _greylist(results: Results) -> Row:
    ours, theirs = _cpu_us(results, "greylist"), median(results.get(("greylist", "postgrey"), []), "cpu_us")
    rates, sizes = ([median(results.get(("greylist", name), []), field) for name in ("postern", "postgrey")]
                    for field in ("rate", "bytes_per_triplet"))
    verdict = "not run" if math.isnan(ours) else "no peer" if math.isnan(theirs) else "met" if ours < theirs else "missed"
    return Row("greylist over a policy socket: CPU us a question", _number(ours),
               f"postgrey {_number(theirs)}; {_number(rates[0])} a second beside {_number(rates[1])}, {sizes[0]:.0f} octets a triplet "
               f"beside {sizes[1]:.0f}", f"1/{theirs / ours:.0f}", "below it", verdict)


def _signed(results: Results) -> Row:
    signed, bare = (median(results.get((cell, "postern"), []), "path_cpu_per_1000") for cell in ("outbound-signed", "outbound-unsigned"))
    rates = [_number(median(results.get((cell, "postern"), []), "rate")) for cell in ("outbound-signed", "outbound-unsigned")]
    return Row("relay 4 KiB, DKIM signed at reception: CPU s per 1000 of the whole path", _number(signed), f"unsigned {_number(bare)}",
               f"{signed / bare:.2f} times", "", f"measured; relayed {rates[0]} a second, unsigned {rates[1]}")


def _dead(results: Results) -> Row:
    def p99(cell: str, server: str = "postern") -> float:
        return median(results.get((cell, server), []), "p99_ms")

    ours, beside = p99("outbound-dead"), p99("outbound-live")
    row = _absolute(ours / beside, 1.5, True, "times", "10 % dead domains: p99 of delivery to the others",
                    f"{_number(ours)} ms, without them {_number(beside)}; postfix (10,000 messages) {_number(p99('outbound-dead', 'postfix'))} ms, "
                    f"without them {_number(p99('outbound-live', 'postfix'))}")
    return row


def _maillog(results: Results) -> Row:
    def of(server: str, field: str = "wall_s") -> str:
        return _number(median(results.get(("maillog", server), []), field))

    return _absolute(median(results.get(("maillog", "postern"), []), "wall_s"), 0.6, True, "s", "statistics of a Postfix log of 1 GB, warm: s",
                     f"cat {of('cat')}, its ciphers by grep and sort {of('pipeline')}, pflogsumm {of('pflogsumm')} (from 1/16); CPU s {of('postern', 'cpu_s')}")


# (the cells a row needs, the row)
FIGURES: tuple[tuple[tuple[str, ...], Callable[[Results], Row]], ...] = (
    (("accept-4k",), _cpu("accept-4k", "accept 4 KiB, c20, k1", "postfix", 1 / 9)),
    (("accept-4k",), _rate("accept-4k", "accept 4 KiB, c20, k1", "postfix", 4)),
    (("accept-4k",), _rate("accept-4k", "accept 4 KiB, c20, k1", "smtp-sink", 0.6)),
    (("accept-4k-k20",), _cpu("accept-4k-k20", "accept 4 KiB, c20, k20", "postfix", 1 / 15)),
    (("accept-4k-k20",), _rate("accept-4k-k20", "accept 4 KiB, c20, k20", "postfix", 8)),
    (("accept-50k",), _rate("accept-50k", "accept 50 KiB, c100", "postfix", 4)),
    (("accept-4k-c100",), lambda results: _against(results, "accept-4k-c100", "final_p99_ms", "postfix", 1 / 5, True,
                                                   "accept 4 KiB, c100: p99 of the final 250, ms")),
    (("journal",), _single("journal-4k-16", "share", 0.85, False, "of a bare loop's rate", "the journal alone, 4 KiB, 16 at once")),
    (("journal",), _single("journal-4k-64", "share", 0.85, False, "of a bare loop's rate", "the journal alone, 4 KiB, 64 at once")),
    (("journal",), _single("journal-50k-64", "share", 0.85, False, "of a bare loop's rate", "the journal alone, 50 KiB, 64 at once")),
    (("protocols",), _dkim_small),
    (("dkim-peers",), _dkim_peers),
    (("protocols",), _dkim_large("base64_relaxed")),
    (("protocols",), _dkim_large("prose_relaxed")),
    (("protocols",), _dkim_large("prose_simple")),
    (("protocols",), _per_second("spf/passes_in_the_include", 300_000, "SPF, include and ip4/ip6 list, answers cached")),
    (("protocols",), _per_second("dmarc/evaluate/relaxed", 0, "DMARC, relaxed, answers cached")),
    (("protocols",), _per_second("dmarc/author_domain", 0, "the author domain of a header of 16 fields")),
    (("protocols",), _per_second("resolver/cached/10000", 0, "a look-up in the cache, 10,000 names")),
    (("bounds",), _budgets),
    (("bounds",), _per_second("bounds/pending/check", 5_000_000, "pending greylist, 8 MiB, 4 octets an entry, one core: checks")),
    (("bounds",), _per_second("bounds/known/check", 0, "known senders, 8 MiB, 16 octets an entry, one core: checks a second")),
    (("attacks",), _catch),
    (("attacks",), _innocents),
    (("attacks",), _day_one),
    (("attacks",), _growth),
    (("greylist",), _greylist),
    (("protocols",), _single("policy/session_of/50", "cpu_us", 2, True, "us", "all verdicts of a session from its evidence, 50 rules: CPU us")),
    (("check",), _single("check", "whole_ms", 3000, True, "ms", "check of a healthy domain in the laboratory: the whole run")),
    (("insight",), _recorded("replay", 200_000, "replay of uncompressed records, 50 rules, one core: sessions")),
    (("stats",), _stats("stats", 1, "statistics over 1 GB of own records, all cores: GB/s", "cat")),
    (("stats",), _stats("stats-zst", 0, "the same, one compressed file: GB/s of what it holds", "zstd")),
    (("insight",), _single("record/refused_and_counted", "cpu_us", 4, True, "us", "record and metrics of a refused session: CPU us")),
    (("insight",), _recorded("signals", 0, "worth of signals from uncompressed records, one core: sessions a second")),
    (("maillog",), _maillog),
    (("maillog",), _single("maillog", "peak_mib", 64, True, "MiB", "the same: peak of memory")),
    (("auth-known", "auth-fresh", "auth-off"), _added_by_authentication),
    (("outbound",), _cpu("outbound", "relay 10,000 queued messages of 4 KiB", "postfix", 1 / 6)),
    (("outbound",), _rate("outbound", "relay 10,000 queued messages of 4 KiB", "postfix", 5)),
    (("outbound-signed",), _signed),
    (("outbound-dead",), _dead),
    (("outbound-v6",), _single("outbound-v6-first", "extra_ms", 400, True, "ms", "dead IPv6 of a destination, first time: median delay added")),
    (("outbound-v6",), _single("outbound-v6-again", "extra_ms", 10, True, "ms", "dead IPv6 of a destination, afterwards: median delay added")),
    (("refuse",), _cpu("refuse", "refused sessions", "postfix", 1 / 8)),
    (("refuse",), _beside_the_floor),
    (("refuse", "refuse-postscreen"), _cpu("refuse", "refused sessions", "postscreen", 1, "refuse-postscreen")),
    (("defence-off", "defence-known", "defence-fresh"), _added_by_defence),
    (("defence-known", "refuse-postscreen"), _defended_beside_postscreen),
    (("tls-full",), _tls("tls-full", "TLS 1.3 ECDSA, full", 0.60)),
    (("tls-resumed",), _tls("tls-resumed", "TLS 1.3, resumed", 0.50)),
    (("tls-resumed",), _single("tls-resumed", "honoured", 0.95, False, "of the tickets", "TLS 1.3, tickets honoured")),
    (("web",), _single("web", "p50_ms", 100, True, "ms", "dashboard in Chromium: first paint, ms")),
    (("web",), _single("web", "page_kb", 300, True, "kB", "dashboard with all it loads: kB")),
    (("idle-plain",), _single("idle-plain", "kib_per_session", 4, True, "KiB", "10,000 idle sessions: PSS each")),
    (("idle-tls",), _single("idle-tls", "kib_per_session", 18, True, "KiB", "10,000 idle after STARTTLS: PSS each")),
    (("start-1m",), _single("start-1m", "seconds_to_ready", 5, True, "s", "start with 1,000,000 queued: s to ready")),
)


def table(results: Results, ran: set[str]) -> str:
    rows = [make(results) for needs, make in FIGURES if ran.intersection(needs)]
    titles = ("figure", "postern", "beside", "ratio", "target", "verdict")
    cells = [titles] + [dataclasses.astuple(row) for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(titles))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
