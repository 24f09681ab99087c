# Reads this machine's apt sources and writes a deb822 entry for CODENAME-backports from the same place and with the
# same key as CODENAME itself. Writes nothing where there is already one, or where nothing fits.
# Usage: awk -v codename=bookworm -f backports.awk FILE...
function has(list, word,    n, i, words) {
    n = split(list, words, /[ \t\n]+/)
    for (i = 1; i <= n; i++) if (words[i] == word) return 1
    return 0
}
function take(types, uris, suites, signed, enabled,    n, i, words) {
    if (tolower(enabled) ~ /^(no|false|off|0)$/ || !has(types, "deb")) return
    if (has(suites, codename "-backports")) present = 1
    if (found != "" || !has(suites, codename)) return
    n = split(uris, words, /[ \t\n]+/)
    for (i = 1; i <= n; i++) if (words[i] != "" && words[i] !~ /^cdrom:/) { found = words[i]; key = signed; return }
}
function stanza() {
    take(field["types"], field["uris"], field["suites"], field["signed-by"], field["enabled"])
    split("", field)
    name = ""
}
FNR == 1 { stanza() }
FILENAME ~ /\.sources$/ {
    if ($0 ~ /^[ \t]*$/) stanza()
    else if ($0 ~ /^#/) next
    else if ($0 ~ /^[ \t]/) { if (name != "") field[name] = field[name] "\n" $0 }
    else {
        name = tolower(substr($0, 1, index($0, ":") - 1))
        value = substr($0, index($0, ":") + 1)
        sub(/^[ \t]+/, "", value)
        field[name] = value
    }
    next
}
/^[ \t]*deb[ \t]/ {
    line = $0
    sub(/#.*/, "", line)
    options = ""
    if (match(line, /\[[^]]*\]/)) {
        options = substr(line, RSTART + 1, RLENGTH - 2)
        line = substr(line, 1, RSTART - 1) " " substr(line, RSTART + RLENGTH)
    }
    signed = ""
    n = split(options, words, /[ \t]+/)
    for (i = 1; i <= n; i++) if (words[i] ~ /^signed-by=/) signed = substr(words[i], 11)
    split(line, words, /[ \t]+/)
    shift = words[1] == "" ? 1 : 0
    take("deb", words[2 + shift], words[3 + shift], signed, "")
}
END {
    stanza()
    if (present || found == "") exit
    print "Types: deb"
    print "URIs: " found
    print "Suites: " codename "-backports"
    print "Components: main"
    if (key != "") print "Signed-By:" (key ~ /^\n/ ? "" : " ") key
}
