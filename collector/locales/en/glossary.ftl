# Glossary: one word for one thing, in pages, documents and code. The same keys as in Japanese (tested).

# What is looked at, and its way
host = Host
hosts = Hosts
fact = Fact
facts = Facts
report = Report
control = Control
controls = Controls
verdict = Verdict
checklist = Checklist
checklists = Checklists
item = Item
answer = Answer
basis = Basis
declaration = Declaration
contradiction = Contradiction
exception = Exception
coverage = Coverage
asset = Asset
risk = Risk
risks = Risks
agent = Agent
agents = Agents

# State of an observation
state-known = Known
state-absent = Absent
state-unreadable = Unreadable
state-withheld = Withheld

# Verdicts
verdict-pass = Pass
verdict-fail = Fail
verdict-partial = Partial
verdict-unknown = Unknown
verdict-not_applicable = Not applicable
verdict-waived = Waived

# How fresh the facts are
freshness-fresh = Fresh
freshness-stale = Stale
freshness-silent = Silent
freshness-never = Never observed

# Answers
answer-implemented = Implemented
answer-partly = Partly
answer-not_implemented = Not implemented
answer-unknown = Unknown
answer-not_applicable = Not applicable
answer-unanswered = Unanswered

# Basis of an answer
basis-measured = Measured
basis-declared = Declared
basis-both = Both
basis-unanswered = Unanswered

# How a control is linked to an item
link-settles = Settles
link-caps = Caps
link-informs = Informs

# Why something could not be read
reason-permission = missing permission
reason-offline_root = not in an offline system
reason-unsupported = not supported here
reason-malformed = not in the expected form
reason-too_large = larger than the limit
reason-timed_out = did not finish in time
reason-io = read error
reason-probe_failed = the probe failed
reason-depends_on = needs other information

# Connection and enrolment
status-connected = Connected
status-disconnected = Not connected
status-silent = Silent
status-not_enrolled = Not enrolled
status-no_agent = No agent
agent-pending = Waiting for approval
agent-active = Enrolled
agent-on_hold = On hold (suspected clone)
agent-revoked = Revoked
agent-expired = Expired
agent-retired = Ended
class-pc = PC
class-server = Server

# State of the collector
health-ok = Ok
health-degraded = Degraded
health-failed = Taking nothing

# Risk
importance = Importance
threat = Threat
vulnerability = Vulnerability
likelihood = Likelihood
risk-value = Risk value
band = Band
band-high = High
band-medium = Medium
band-low = Low
band-unrated = No value
