# SPDX-License-Identifier: GPL-2.0-or-later
#
# openmetrics.awk - says what is wrong with an OpenMetrics text, and exits 1; says
# nothing and exits 0 when all of it is right.  Strict, and only for what a
# textfile collector takes: counters and gauges, no timestamps, no exemplars.
#
# With -v prometheus=1 the text format 0.0.4 of Prometheus: there the family of a
# counter has the name of its samples, _total included, and there is no "# EOF".
#
# Of the format (OpenMetrics 1.0): families do not interleave, their type comes
# before their samples, a counter's sample ends in _total and is not negative,
# labels are quoted with \\ \" \n as the only escapes, "# EOF" ends it.

function wrong(what) {
	printf "line %d: %s: %s\n", NR, what, $0
	bad = 1
}

# The label set at the start of s, removed from it; "" and wrong() when it is none.
function take_labels(s,    rest, n, seen) {
	rest = substr(s, 2)
	n = 0
	split("", seen)
	while (substr(rest, 1, 1) != "}") {
		if (n++) {
			if (substr(rest, 1, 1) != ",") {
				wrong("no comma between labels")
				return ""
			}
			rest = substr(rest, 2)
		}
		if (!match(rest, /^[a-zA-Z_][a-zA-Z0-9_]*="/)) {
			wrong("bad label name")
			return ""
		}
		name = substr(rest, 1, RLENGTH - 2)
		if (name in seen)
			wrong("label " name " twice")
		seen[name] = 1
		rest = substr(rest, RLENGTH + 1)
		if (!match(rest, /^([^"\\]|\\\\|\\"|\\n)*"/)) {
			wrong("bad label value")
			return ""
		}
		rest = substr(rest, RLENGTH + 1)
	}
	return substr(rest, 2)
}

prometheus && /^# EOF/ { wrong("a comment of OpenMetrics"); next }
ended { wrong("text behind # EOF"); next }
/^# EOF$/ { ended = 1; next }

/^# (TYPE|HELP|UNIT) / {
	if ($3 !~ /^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
		wrong("bad name of a family")
	if ($3 != family) {
		if ($3 in families)
			wrong("family in two pieces")
		family = $3
		families[$3] = 1
		type = "unknown"
		samples = 0
	}
	if (samples)
		wrong("description behind the samples")
	if (($2, $3) in described)
		wrong("described twice")
	described[$2, $3] = 1
	if ($2 == "TYPE") {
		type = $4
		if (NF != 4 || (type != "counter" && type != "gauge"))
			wrong("bad type")
		if (type == "counter" && !prometheus && family ~ /_total$/)
			wrong("_total belongs to the sample, not to the family")
		if (type == "counter" && prometheus && family !~ /_total$/)
			wrong("a counter without _total")
	} else if (NF < 4 || $0 ~ /\\[^\\n]/) {
		wrong("bad help")
	}
	next
}

/^#/ { wrong("no comment may stand here"); next }
/^$/ { wrong("empty line"); next }

{
	if (!match($0, /^[a-zA-Z_:][a-zA-Z0-9_:]*/)) {
		wrong("bad name of a metric")
		next
	}
	name_of = substr($0, 1, RLENGTH)
	rest = substr($0, RLENGTH + 1)
	if (name_of != family (type == "counter" && !prometheus ? "_total" : ""))
		wrong("a sample of another family")
	if (substr(rest, 1, 1) == "{")
		rest = take_labels(rest)
	if (rest !~ /^ [-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$/)
		wrong("bad value")
	if (type == "counter" && rest ~ /^ -/)
		wrong("negative counter")
	key = substr($0, 1, length($0) - length(rest))
	if (key in keys)
		wrong("the same sample twice")
	keys[key] = 1
	samples++
	total++
}

END {
	if (!ended && !prometheus) {
		print "no # EOF at the end"
		bad = 1
	}
	if (!total) {
		print "not one sample"
		bad = 1
	}
	exit bad
}
