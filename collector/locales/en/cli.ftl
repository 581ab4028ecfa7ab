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
