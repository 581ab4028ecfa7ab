# Texts of the commands. Words of the glossary are in glossary.ftl.

# Why a risk is what it is
risk-why-measured = from the verdicts of its hosts
risk-why-measured-worse = the verdicts of its hosts are worse than what was declared, so they count
risk-why-declared = as declared in the ledger; it names no host
risk-why-declared-worse = what was declared is worse than the verdicts of its hosts, so it counts
risk-why-none = it names no host and declares no vulnerability, so there is no value
risk-why-threat-low = the threat is 1, so hosts cannot move the value
risk-why-unmatched = { $n } { $n ->
    [one] name matches
   *[other] names match
} no host; counted as not done

# Why a request was refused, and what helps
problem-no_route = there is no { $path } in API version 1
problem-no_route-remedy = check path and method (collector/README.md lists them)
problem-malformed = the request cannot be read: { $detail }
problem-malformed-remedy = check its form
problem-too_large = this is larger than { $max } bytes
problem-too_large-remedy = split the file
problem-no_checklist = there is no checklist “{ $id }”
problem-no_checklist-remedy = { $collector } pack list names them
problem-no_subject = there is neither an item nor a control “{ $id }”
problem-no_subject-remedy = { $collector } answers and { $collector } pack list name them
problem-no_item = checklist “{ $checklist }” has no item “{ $item }”
problem-no_item-remedy = { $collector } answers --checklist { $checklist } lists them
problem-no_host = there is no host “{ $name }”
problem-no_host-remedy = { $collector } hosts lists names and ids
problem-several_hosts = several hosts are called “{ $name }”: { $ids }
problem-several_hosts-remedy = name the host by its id
problem-one_agent_per_host = one host cannot be given to several agents
problem-one_agent_per_host-remedy = with --host, name one agent only
problem-not_applicable_refused = checklist “{ $checklist }” has no answer not_applicable
problem-not_applicable_refused-remedy = answer with implemented, partly, not_implemented or unknown
problem-unanswered = nobody can declare an item unanswered
problem-unanswered-remedy = answer with implemented, partly, not_implemented or unknown
problem-nobody = the name of the person who declares is missing
problem-nobody-remedy = give it with --by
problem-ends_before = the declaration would have ended at { $until } already
problem-ends_before-remedy = give --until a day that is not over
problem-evidence_long = the evidence has { $bytes } bytes, allowed 4096
problem-evidence_long-remedy = shorten it, or say where the document is
problem-text_empty = { $field } is empty
problem-text_empty-remedy = give it
problem-text_long = { $field } is longer than { $max } characters
problem-text_long-remedy = shorten it, or say where the document is
problem-text_control = { $field } holds control characters
problem-text_control-remedy = write one line of text
problem-day = { $day } cannot be the last day of anything
problem-day-remedy = give a day as YYYY-MM-DD
problem-file = mistakes in the file: { $n }; nothing of it was taken
problem-file-remedy = correct all that are listed, then import it again
problem-identity = { $detail }
problem-agents = nothing was changed; agents refused: { $refused } of { $asked }: { $detail }
problem-agents-remedy = leave these out or correct them, then run it again for all
problem-no_pages = The pages are switched off by the configuration
problem-no_pages-remedy = Set web.listen to an address and restart { $collector } serve
problem-stopping = the collector is stopping
problem-stopping-remedy = start it, then try again
problem-store_full = the collector's disk is full
problem-store_full-remedy = free space on it; nothing else is needed
problem-store_failed = the collector cannot write to its store: { $detail }
problem-store_failed-remedy = look at the collector's log and its disk
problem-internal = a defect of the collector: { $detail }
problem-internal-remedy = report it with the collector's log

# What commands print
cli-not-running = no collector is running at the data folder { $dir }
cli-not-running-remedy = start one with: { $collector } serve (the first time, init before it); name another folder with --data-dir or --config
cli-not-allowed = the control socket { $path } is only for the account that runs the collector, and for root
cli-not-allowed-remedy = run the command as that account, or with sudo
cli-broken = the connection to the collector at { $path } broke off
cli-broken-remedy = see whether the collector is running, and its log
cli-in-file = { $path }: { $message }
cli-output = failed to write the output
cli-line = line { $line }
cli-mistake = { $message }; { $remedy }
cli-edition = {" "}(edition { $edition })
cli-in-brackets = {" "}({ $text })
cli-hosts-met = met/observed/all
cli-next-steps = Next steps
cli-condition = Passes when
cli-ours = ; our default
cli-reason = Reason
ago-now = just now
ago-minutes = { $n } min ago
ago-hours = { $n } h ago
ago-days = { $n } d ago
cli-verdicts = Verdicts
cli-comma = {", "}
cli-hosts-hint = What each control says of a host: { $collector } host NAME
cli-methods = Methods, support dates
cli-business = Business
cli-cia = C/I/A
cli-note = Note
cli-retired = host { $name } is out of the count ({ $by })
cli-declared = item { $item } is declared “{ $said }”; the answer is “{ $stands }” ({ $basis })
cli-token = This token is good until { $until } for { $uses } { $uses ->
    [one] host
   *[other] hosts
}. It is shown this once.
cli-token-waits = Hosts that enrol with it wait for approval ({ $collector } agents, then agents approve).
cli-token-next = Enrol a host with:
cli-expected = { $n } expected { $n ->
    [one] host
   *[other] hosts
} imported
cli-imported = ledger “{ $name }” imported, { $rows } { $rows ->
    [one] row
   *[other] rows
}
ledger-not-given = not given
cli-ledger = Ledger “{ $name }” (imported { $at } by { $by })
cli-pack-passed = tests of the packs that hold: { $n } of { $n }
cli-pack-unread = the packs cannot be read, so none of their tests was run: { $n } { $n ->
    [one] mistake
   *[other] mistakes
}
cli-pack-failed = what does not hold in the packs: { $failed } ({ $total } { $total ->
    [one] test
   *[other] tests
} run)
cli-pack-many = more than { $max } pack files below { $path }
cli-pack-many-remedy = name the folder of one pack
cli-pack-failed-remedy = correct the packs at these places
