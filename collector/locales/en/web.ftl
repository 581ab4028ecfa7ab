# Texts of the pages. Words of the glossary are in glossary.ftl, names of facts in facts.ftl.

# Everywhere
brand = Tenken
skip-to-main = Skip to content
nav-label = Main pages
nav-overview = Overview
nav-hosts = Hosts
nav-checklists = Checklists
nav-risks = Risks
nav-agents = Agents
language-label = Language
read-only = These pages are read-only. Changes are made with the tenken-collector command.
as-of = As of { $time }
updated-at = Updated
times-zone = Times are in { $zone }.
live-on = updating by itself
live-off = connection lost, reconnecting
live-none = reload to update
pack-hash = Judged by packs
version = Version
none = none
unknown-time = unknown
more-omitted = and { $n } more
details = Details
back-to-top = To the top
yes = yes
no = no

# The sentence of coverage
coverage-all-known = { $observed } of { $known } { $known ->
    [one] host
   *[other] hosts
} observed.
coverage-all-expected = { $expected ->
    [one] The one expected host is observed.
   *[other] All { $expected } expected hosts observed.
}
coverage-expected = { $observed } of { $expected } { $expected ->
    [one] host
   *[other] hosts
} observed.
coverage-none-known = There is no host to observe yet.
coverage-rest-not-enrolled = The remaining { $n } { $n ->
    [one] is
   *[other] are
} not enrolled.
coverage-rest-mixed = Of the remaining { $rest }, { $n } { $n ->
    [one] is
   *[other] are
} not enrolled.
coverage-rest-unobserved = The remaining { $n } { $n ->
    [one] has
   *[other] have
} no current facts.
coverage-silent = { $n } silent
coverage-stale = { $n } stale
coverage-retired = { $n } retired, not counted
coverage-no-expected = The number of expected hosts is not set (enter it with { $collector } expect).
coverage-triple = { $observed } observed / { $known } known / { $expected } expected
coverage-triple-no-expected = { $observed } observed / { $known } known / expected not set
coverage-first-step = Make an enrolment token with “{ $collector } token create” and enrol an agent on a machine.

# Overview
overview-title = Overview
overview-checklists = Checklists
overview-answered = { $answered } of { $total } answered
overview-answered-label = Answers by kind
overview-no-total = No total while an item is unanswered
overview-score-total = Total { $total } of { $max }
overview-score-parts = measured { $measured }, declared { $declared }, unknown { $unknown }
overview-basis-parts = { $measured } measured, { $declared } declared
overview-contradictions = { $n } { $n ->
    [one] contradiction
   *[other] contradictions
}
overview-worst = What to do first
overview-worst-none = { $n ->
    [one] The one observed host has no verdict that calls for action.
   *[other] None of the { $n } observed hosts has a verdict that calls for action.
}
overview-worst-nothing-observed = No host could be judged yet.
overview-worst-hosts = { $n } { $n ->
    [one] host
   *[other] hosts
}
overview-turning = What changes next
overview-turning-none = Nothing turns by the passing of time alone.
overview-turning-verdict = turns from “{ $from }” to “{ $becomes }” unless something new is observed
overview-turning-declaration = the declaration ends
overview-attention = Waiting for a person
overview-attention-none = Nothing waits for a person.
overview-risks = Risks by band
overview-risks-none = There is no asset ledger yet. Import one with “{ $collector } ledger import FILE”.
overview-health = The collector
attention-silent = Silent hosts
attention-pending = Agents waiting for approval
attention-on_hold = Agents on hold as suspected clones
attention-duplicates = Hosts that share a name or a serial number
attention-skewed = Hosts whose clock is off
attention-not_enrolled = Hosts that are not enrolled
attention-groups = { $n }
attention-count = { $n }
duplicate-host_name = Host name “{ $value }”
duplicate-serial_number = Serial number “{ $value }”
health-connected = Connected agents
health-accepted = Reports accepted since the start
health-refused = Refused since the start
health-since = Running since
health-place = Place
health-reason = Reason
health-count = Count
health-part = Part
health-detail = Detail

# List of hosts
hosts-title = Hosts
hosts-caption = Verdicts by host
hosts-name = Host
hosts-status = Connection
hosts-class = Class
hosts-site = Site
hosts-last-seen = Last heard
hosts-none = There are no hosts yet.
hosts-none-found = No host matches.
hosts-never-judged = no verdict
hosts-retired = Retired hosts (not counted)
hosts-filter-label = Hosts to show
hosts-filter-all = All
hosts-filter-attention = Fail or unknown
hosts-filter-silent = Silent
hosts-filter-not_enrolled = Not enrolled
hosts-search = Filter by host name
hosts-search-go = Filter
hosts-page = { $from } to { $to } of { $total }
hosts-previous = Previous
hosts-next = Next
hosts-pages-label = Pages

# One host
host-id = Host id
host-verdicts = Verdicts
host-verdict-caption = Verdict by control
host-facts = Facts
host-facts-none = Nothing has arrived from this host yet.
host-agents = Agents
host-agents-none = No agent is bound to this host.
host-expected = On the expected list
host-clock = Clock offset
host-clock-skewed = The clock is far off. Observation times are marked, not trusted.
host-clock-ahead = { $s } s ahead
host-clock-behind = { $s } s behind
host-clock-good = less than 1 s
lost-reports = Lost reports
lost-reports-all = Lost reports (in total)
lost-dropped = { $n } dropped before delivery
lost-dropped-between = { $n } dropped before delivery (observed { $first } to { $last })
lost-missing = { $n } missing
lost-missing-since = { $n } missing (since { $since })
lost-overlap = may overlap
host-retired = Retired by { $by } (reason: { $reason })
host-group-observed = observed
host-group-looked = last looked
host-not-found = There is no such host
verdict-reason = Reason
verdict-remedy = Remedy
verdict-observed = Observed
verdict-until = Stands until
verdict-turns = Turns to “{ $becomes }” on { $time } unless something new is observed
verdict-no-turn = Does not turn by time alone
fact-name = Field
fact-state = State
fact-value = Value
fact-source = Source
fact-observed = Observed at
fact-list-count = { $n } { $n ->
    [one] entry
   *[other] entries
}
fact-list-empty = none (looked for)
fact-list-omitted = { $n } more: see “{ $collector } host”
fact-never-reported = never reported

# Checklist
checklists-title = Checklists
checklist-edition = Edition
checklist-publisher = Publisher
checklist-items = Items and answers
checklist-items-caption = Answer and basis of each item
checklist-no = No.
checklist-points = Points
checklist-points-of = points: { $n }
checklist-hosts = Met / observed / all
checklist-hosts-of = { $met } met / { $observed } observed / { $all } in all
checklist-until = Valid until
checklist-until-none = no end
checklist-score = Parts of the score
checklist-score-measured = Points from measured answers
checklist-score-declared = Points from declared answers
checklist-score-unknown = Points from “unknown”
checklist-score-total = Total
checklist-score-max = Maximum
checklist-no-score = This checklist has no points.
checklist-our-paraphrase = Item titles are our paraphrase. The publisher's own document has the exact wording.
checklist-declare-hint = To declare an answer:
checklist-not-found = There is no such checklist
checklist-all-answers = All answers

# Explanation of an item
item-title = Item { $id }
item-why = Why this is the answer
item-controls = Controls and verdicts by host
item-no-controls = No control bears on this item yet. A person declares the answer.
item-declarations = Declarations
item-declaration-none = Nothing is declared.
item-declared-by = Declared by
item-declared-at = Declared at
item-declared-until = Until
item-declared-evidence = Evidence
item-declared-principal = Entered as
item-declared-ended = It has ended and counts no more
item-control-reads = Facts read
item-control-parameters = Thresholds
item-control-parameter = Name
item-control-parameter-value = Value
item-control-parameter-source = Where it comes from
item-control-parameter-ours = our default
item-control-rule = Rule, as its pack writes it
item-control-applies = Applies when
item-control-condition = Passes when
item-control-not-enrolled = { $n } not enrolled, counted as unknown.
item-control-tally = Hosts by verdict
item-control-at-most = Where this control is not met, the answer is at most “{ $answer }”
item-host-facts = Facts behind the verdict
item-hosts-caption = Verdict and facts by host
item-not-found = There is no such item
item-previous = Previous item
item-next = Next item

# Risks
risks-title = Risks
risks-ledger = Ledger
risks-method = Method
risks-caption = Risk value by asset
risks-row = Row
risks-asset = Asset
risks-medium = Medium
risks-why = Why
risks-hosts = Hosts
risks-hosts-unmatched = Names without a host
risks-vulnerability-parts = measured { $measured } / declared { $declared }
risks-none = There is no asset ledger yet
risks-none-hint = Import one with “{ $collector } ledger import FILE”; risk follows from importance and from the verdicts of the hosts.
risks-unrated = Not enough is known for a value
risks-map = Importance by likelihood
risks-map-caption = Number of rows by importance (down) and likelihood (across)
risks-map-cell = { $n } { $n ->
    [one] row
   *[other] rows
}
risks-bands-label = Rows by band

# Agents
agents-title = Agents
agents-caption = Enrolled agents
agents-name = Host name as claimed
agents-state = State
agents-enrolled = Enrolled
agents-from = From address
agents-until = Connection valid until
agents-last-seen = Last heard
agents-connected = Connected
agents-version = Agent version
agents-none = No agent has enrolled yet.
agents-approve-hint = To approve:
agents-suggested = May be the known host “{ $name }”

# The door
closed-title = A one-use link opens these pages
closed-how = On the machine that runs the collector, do one of these and open the link that is printed.
closed-serve = Use the link that “{ $collector } serve” prints when it starts
closed-command = Print a new one with “{ $collector } open”
closed-why = A link works once, within one hour. The pages then stay open for 12 hours.
opened-title = This link does not work
opened-used = It was used before, or its hour is over. Print a new one.
not-found-title = There is no such page
not-found-text = Check the address, or start from the overview.
busy-title = No answer is possible now

# Units
unit-days = { $n ->
    [one] day
   *[other] days
}
unit-hours = { $n ->
    [one] hour
   *[other] hours
}
unit-count = { "" }
unit-minutes = { $n ->
    [one] minute
   *[other] minutes
}
unit-seconds = { $n ->
    [one] second
   *[other] seconds
}
unit-percent = %
