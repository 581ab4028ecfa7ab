# Texts of the start: the command line, the configuration, init, check and serve.

# Files that are named on the command line
file-missing = there is no file { $path }
file-missing-remedy = check the path; one without a leading / counts from the folder in which the command runs
file-denied = the file { $path } may not be read by this account
file-denied-remedy = run the command as an account that may, or change the file's permissions
file-folder = { $path } is a folder, not a file
file-folder-remedy = name the file in it
file-too_large = the file { $path } is larger than { $max }
file-too_large-remedy = check whether it is the right file; leave out what is not needed, or split it
file-no_text = the file { $path } is not text in UTF-8
file-no_text-remedy = check whether it is the right file, and save it as UTF-8
file-unreadable = failed to read the file { $path }
file-unreadable-remedy = check the file and its disk

# The command line
usage-no_command = say what to do: a command is missing
usage-command = there is no command “{ $value }”
usage-command_missing = { $name } needs a command after it
usage-argument = there is no argument “{ $argument }” here
usage-value = “{ $value }” cannot be the value of { $argument }
usage-value_detail = “{ $value }” cannot be the value of { $argument }: { $detail }
usage-value_missing = { $argument } needs a value
usage-value_many = { $argument } was given more values than it takes
usage-value_few = { $argument } was given fewer values than it needs
usage-equals = write the value of { $argument } after an equals sign
usage-conflict = { $argument } cannot be given together with { $other }
usage-twice = { $argument } was given twice
usage-required = missing: { $argument }
usage-utf8 = an argument is not text in UTF-8
usage-other = the command line cannot be understood
usage-near = did you mean “{ $near }”?
usage-possible = possible are: { $values }
usage-help = help: { $command } --help
usage-ttl = not a duration; write it with a unit, such as 30m, 1h or 2d
usage-ttl_range = outside 1 minute to 7 days
usage-uses = not a whole number from 1 to { $max }
usage-network = not a network; write it as 192.0.2.0/24 or 2001:db8::/32
usage-date = not a day; write it as YYYY-MM-DD, such as 2027-03-31
usage-agent = not the id of an agent; “{ $collector } agents” lists them
usage-empty = is empty
usage-long = is longer than { $max } characters
usage-control = holds control characters; write one line of text

# The configuration
config-mistakes = { $file }: { $n } { $n ->
    [one] problem
   *[other] problems
}
config-toml = line { $line }: cannot be read as TOML ({ $detail }); correct it there
config-unknown = unknown key; remove it
config-unknown_near = unknown key; did you mean `{ $near }`?
config-section = is a section; write [{ $name }] on a line of its own
config-kind = { $kind ->
    [string] a text
    [integer] a number
    [float] a number with a fraction
    [boolean] true or false
    [datetime] a date
    [array] a list
   *[table] a section
}
config-empty = is empty
config-want_text = is { config-kind }; write a text in quotes
config-want_truth = is { config-kind }; write true or false
config-want_list = is { config-kind }; write ["a", "b"]
config-want_whole = is { config-kind }; write a whole number
config-whole_min = must be 1 or more
config-level = `{ $value }` is no level; write error, warn, info or debug
config-address = `{ $value }` is no address with a port; write "0.0.0.0:7431", "[::]:7431" or port 0 for any free one
config-plain_http = `{ $value }` reaches beyond this machine, and the pages are plain HTTP: serve them on 127.0.0.1 behind a proxy with TLS, or write web.plain_http_elsewhere = true
config-trust_domain = `{ $value }` is no trust domain; use a-z, 0-9, '.', '-' and '_'
config-time_zone = `{ $value }` is no time zone known here; write one such as "Asia/Tokyo"
config-duration_like = write a number with a unit: "500ms", "90s", "5m", "24h" or "7d"
config-want_duration = is { config-kind }; { config-duration_like }
config-duration = `{ $value }` is no duration; { config-duration_like }
config-duration_no_unit = missing unit; { config-duration_like }
config-duration_unit = `{ $value }` is no unit; { config-duration_like }
config-duration_zero = must be more than 0; { config-duration_like }
config-duration_long = is longer than 10 years; write a shorter time
config-limits = { $value } is out of its limits; write { $min } to { $max }
config-size_like = write a number with a unit: "512KiB", "64MiB" or "2GiB"
config-want_size = is { config-kind }; { config-size_like }
config-size = `{ $value }` is no size; { config-size_like }
config-size_no_unit = missing unit; { config-size_like }
config-size_unit = `{ $value }` is no unit; { config-size_like }
config-size_large = is too large; write a smaller size
config-parameter_quotes = write the whole name in quotes: "CONTROL.PARAMETER" = …
config-parameter_kind = is { config-kind }; write a whole number or a duration such as "36h"
config-parameter_near = no control has this parameter; did you mean `{ $near }`?
config-parameter_unknown = no control has this parameter; there are { $known }
config-parameter_value = `{ $value }` is no value of `{ $parameter }`; write it like { $like }

# init, check
start-made = the collector is made in { $path }; back up its folder “ca”, which holds the keys
start-made_next = start it with: { $collector } serve
start-checked = ok: the configuration and the data folder { $path } are fit to serve
start-low_space = note: { $available } bytes are left on the disk, { $kept } are kept back: free space on it; until then reports are refused
start-names = agents reach the collector as: { $names }
start-names_default = agents reach the collector as: { $names }
  For other names or addresses write them into listen.names in collector.toml before “{ $collector } serve”, or give them to init as --name NAME
start-names_left_out = agents reach the collector as: { $names }
  Not taken, because there is a configuration already: { $given }; write them into its listen.names
start-checked_running = a collector runs in { $path }: its store was not looked at; a changed configuration counts from its next start
start-low_water = store.low_water = { $kept } bytes cannot be kept back: the disk has { $disk } bytes
start-low_water-remedy = write a smaller size in collector.toml, or leave the key out
start-plain_pages = note: the pages on { $address } are plain HTTP; whoever is on the way can read them
start-readable = { $path } can be read by others
start-readable-remedy = chmod -R go= the data folder, and ask who may have read it; serve does so by itself
start-open_folder = { $path } is open to others and belongs to another account
start-open_folder-remedy = give the data folder to this account (chown) and close it (chmod 700), or name another with --data-dir
start-no_folder = there is no data folder { $path }
start-no_folder-remedy = make it with: { $collector } init
start-make_folder = failed to make the data folder { $path }
start-make_folder-remedy = name a folder that this account may write with --data-dir, or run the command as another account
start-lock = failed to lock { $path }
start-lock-remedy = run the command as the account that owns the data folder
start-locked = another collector runs in { $path }
start-locked-remedy = stop it, or name another folder with --data-dir
start-write = failed to write { $path }
start-write-remedy = check the permissions of the data folder and the room on its disk
start-trust_domain = ca.trust_domain: “{ $value }” cannot be used
start-trust_domain-remedy = use a-z, 0-9, '.', '-' and '_'
start-authority = the certificate authority in { $path } cannot be used
start-authority-remedy = see the cause; if its files are damaged, restore them from the backup
start-authority_exists = there is a collector in { $path } already; nothing was changed
start-authority_exists-remedy = run it with: { $collector } serve
start-authority_missing = there is no collector in { $path } yet
start-authority_missing-remedy = make it with: { $collector } init

# serve
start-ready = ready: enrol { $enrol }, report { $report }, pages { $web }
start-pages_off = off
start-open = open the pages (works once, within one hour): { $link }
start-runtime = failed to start
start-packs = the packs of this program are damaged: { $detail }
start-packs-remedy = install the program again
start-engine = failed to read the journal back
start-engine-remedy = see the cause; if the store is damaged, restore the data folder from a backup
start-engine_full = there is no room on the disk to start
start-engine_full-remedy = free space on the disk of the data folder, then start again
start-identities = failed to prepare the collector's own identity
start-identities-remedy = see the cause; check listen.names in the configuration
start-listen = failed to listen on { $address } (listen.{ $place })
start-listen-remedy = choose a free address in collector.toml, or port 0 for any free one
start-listen_web = failed to listen on { $address } (web.listen)
start-listen_web-remedy = choose a free address in collector.toml, port 0 for any free one, or "off"
start-control = failed to open the socket for commands
start-control-remedy = check the data folder: what lies there under the name of the socket, and its permissions
start-link = failed to make a link to the pages
start-link-remedy = make one with: { $collector } open
start-signals = failed to wait for signals
start-part_ended = a part of the collector ended by itself
start-part_ended-remedy = the log says which and why; start the collector again
start-store = failed to open the store in { $path }
start-store-remedy = see the cause
start-store_in_use = another program has the store in { $path } open
start-store_in_use-remedy = stop the other collector, or name another folder with --data-dir
start-store_missing = there is no store in { $path }
start-store_missing-remedy = restore it from a backup, or make a new collector with: { $collector } init
start-store_exists = there is a store in { $path } already; it is never overwritten
start-store_exists-remedy = run it with “{ $collector } serve”, or name another folder with --data-dir
start-store_too_new = the store in { $path } was written by a newer version of this program
start-store_too_new-remedy = install that version or a later one
start-store_corrupt = the store in { $path } is damaged
start-store_corrupt-remedy = restore the data folder from a backup; nothing was changed
start-store_full = the disk of the store in { $path } is full
start-store_full-remedy = free space on it
