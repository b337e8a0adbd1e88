#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# metrics-prometheus.bats - what comes with "ksmctl metrics": the units that write the
# file, the alerts and the dashboard, under systemd's and Prometheus' own programs.

load ../lib/helpers
load ../lib/prometheus

HERE=$KSM_SRCDIR/tools/packaging/metrics
RULES=$HERE/ksm-utils.rules.yml
DASHBOARD=$HERE/ksm-utils.json
SERVICE=$KSM_BUILDDIR/tools/packaging/metrics/ksm-metrics.service

# A machine that has all figures: hksm, and ksm-autotune beside it.
setup() {
	use_root 7.3-hksm
	cp -R --no-preserve=mode "$KSM_DATA/6.12-tuned/run" "$ROOT/"
	cp -R --no-preserve=mode "$KSM_DATA/6.12-tuned/proc/900" "$ROOT/proc/"
}

need_built() {
	[[ -f $SERVICE ]] || skip "no build tree"
	unit=$BATS_TEST_TMPDIR/ksm-metrics.service
	# What is not installed is in the build tree.
	sed "s,=[^ ]*/ksmctl ,=$KSM_BUILDDIR/ksmctl ," "$SERVICE" >"$unit"
	cp "$HERE/ksm-metrics.timer" "$BATS_TEST_TMPDIR/"
}

# --- the units --------------------------------------------------------------------

@test "units: systemd-analyze verify finds nothing" {
	need_built
	need_program systemd-analyze
	for name in service timer; do
		expect 0 timeout 60 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/ksm-metrics.$name"
		stdout_is ""
		stderr_is ""
	done
	# It would have.
	sed -i 's/^TasksMax=.*/TasksMax=few/' "$unit"
	expect 0 timeout 60 systemd-analyze verify --man=no "$unit"
	stderr_has few
	sed -i 's/^OnCalendar=.*/OnCalendar=sometimes/' "$BATS_TEST_TMPDIR/ksm-metrics.timer"
	run --separate-stderr timeout 60 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/ksm-metrics.timer"
	stderr_has sometimes
}

@test "units: systemd-analyze security: at most 1.5" {
	need_built
	need_program systemd-analyze
	systemd-analyze --help 2>/dev/null | grep -q -e --offline ||
		skip "systemd-analyze cannot look at files (systemd 250)"
	expect 0 timeout 60 systemd-analyze security --offline=true --threshold=15 "$unit"
	stdout_has "Overall exposure level for ksm-metrics.service"
	sed -i '/^ProtectSystem=/d; /^SystemCallFilter=/d; /^CapabilityBoundingSet=/d' "$unit"
	expect 1 timeout 60 systemd-analyze security --offline=true --threshold=15 "$unit"
}

# command_line: of the unit, as a shell reads it, with KSM_METRICS_DIR.
command_line() { sed -n 's/^ExecStart=//p' "$unit"; }

# started OPTIONS: what the unit starts, on the fake root, with no more than it may do.
started() {
	# shellcheck disable=SC2034 # the command line has them
	local KSM_METRICS_DIR=$dir KSM_METRICS_OPTIONS="$1 -s $ROOT" as=()

	((EUID)) || ! command -v setpriv >/dev/null ||
		as=(setpriv --bounding-set "-all,+dac_read_search" --no-new-privs)
	(umask 022; eval "\"\${as[@]}\" $(command_line)")
}

@test "units: the service writes a file that all may read, and no names unless told to" {
	need_built
	dir=$BATS_TEST_TMPDIR/text
	mkdir "$dir"
	expect 0 started ""
	stdout_is ""
	stderr_is ""
	same "files" "$(ls -A "$dir")" ksm.prom
	same "mode" "$(stat -c %a "$dir/ksm.prom")" 644
	! grep -E '^ksm_(process|group)_' "$dir/ksm.prom" || fail "figures of processes by default"
	grep -q '^ksm_autotune_up 1$' "$dir/ksm.prom"
	expect 0 started "--by unit --top 1"
	grep -q '^ksm_group_saved_bytes{unit="other",rest="yes"} ' "$dir/ksm.prom"
	same "files" "$(ls -A "$dir")" ksm.prom
}

@test "units: directories are those that configure was told, and nothing is enabled" {
	need_built
	to=$BATS_TEST_TMPDIR/to
	units=$(sed -n 's/^systemdsystemunitdir = //p' "$KSM_BUILDDIR/Makefile")
	[[ -n $units ]] || skip "no systemd here when it was configured"
	made() { env -u MAKEFLAGS -u MAKELEVEL make -s -C "$KSM_BUILDDIR" "$@" >/dev/null; }
	made prefix=/opt/x textfiledir=/srv/text metrics_service="$BATS_TEST_TMPDIR/made" \
		"$BATS_TEST_TMPDIR/made"
	same "@...@" "$(grep -c '@[a-z]*@' "$BATS_TEST_TMPDIR/made" || :)" 0
	for line in KSM_METRICS_DIR=/srv/text ReadWritePaths=-/srv/text ExecStart=/opt/x/bin/ksmctl; do
		grep -q "$line" "$BATS_TEST_TMPDIR/made" || fail "no $line"
	done
	made prefix=/opt/x systemdsystemunitdir=/opt/x/units DESTDIR="$to" \
		install-systemdsystemunitDATA install-dist_alertsDATA install-dist_dashboardsDATA
	same "enabled" "$(find "$to" -type l)" ""
	same "files" "$(cd "$to" && find . ! -type d -name 'ksm-metrics*' -o -path '*/ksm-utils/*/*' |
		sort)" "./opt/x/share/ksm-utils/grafana/ksm-utils.json
./opt/x/share/ksm-utils/prometheus/ksm-utils.rules.yml
./opt/x/units/ksm-metrics.service
./opt/x/units/ksm-metrics.timer"
}

# --- what alerts and dashboard ask for ----------------------------------------------

# asked: the names of figures in expressions on stdin.
asked() { grep -oE '\b(node_ksmd|node_textfile|ksm)_[a-z_]+' | sort -u; }

alerts() { sed -n 's/.*- alert: //p' "$RULES"; }

# expressions: those of the dashboard, one a line.
expressions() { jq -r '.. | .expr? // empty' "$DASHBOARD"; }

@test "alerts and dashboard ask for figures that there are" {
	need_program jq
	expect 0 ksmctl metrics --by unit -s "$ROOT"
	stderr_is ""
	there=$(sed -n 's/^\([a-z_]*\).*/\1/p' <<<"$output" | sort -u)$'\nnode_textfile_mtime_seconds'
	n=0
	for name in $({ expressions; sed '/annotations:/,/runbook:/d; /^ *#/d' "$RULES"; } | asked); do
		grep -qxF "$name" <<<"$there" || fail "nobody writes $name"
		n=$((n + 1))
	done
	((n > 20)) || fail "only $n names were found"
}

@test "alerts: each has a reason and a command of ksmctl that there is" {
	n=$(alerts | wc -l)
	((n >= 8)) || fail "only $n alerts were found"
	for word in summary description runbook; do
		same "$word" "$(grep -c "^          $word: " "$RULES")" "$n"
	done
	while IFS= read -r line; do
		[[ $line =~ ksmctl\ ([a-z-]+) || $line =~ systemctl ]] || fail "no command: $line"
		for cmd in $(grep -oE 'ksmctl [a-z-]+' <<<"$line" | cut -d' ' -f2); do
			expect 0 ksmctl "$cmd" --help
		done
	done < <(sed -n 's/^          runbook: //p' "$RULES")
	expect 0 ksmctl procs --sort PROFIT -s "$ROOT"
}

@test "alerts: promtool test rules, each with what it is for and what it is not for" {
	tests=$KSM_SRCDIR/tests/metrics/alerts.yml
	for name in $(alerts); do
		cases=$(awk -v name="$name" '$1 == "name:" { mine = $2 == name } mine && /exp_alerts:/ {
			print (/\[\]/ ? "quiet" : "fires") }' "$tests" | sort -u | xargs)
		same "cases of $name" "$cases" "fires quiet"
	done
	need_program promtool
	expect 0 promtool check rules "$RULES"
	stdout_has "SUCCESS: $(alerts | wc -l) rules found"
	expect 0 promtool test rules "$tests"
	# Each finds an alert that never comes, and one that always does.
	for name in $(alerts); do
		for expr in 'vector(0) > 1' 'vector(1)'; do
			awk -v name="$name" -v expr="$expr" '
				/- alert:/ { mine = $3 == name }
				mine && /^        expr:/ { print "        expr: " expr; gone = 1; next }
				/^        for:/ { gone = 0 }
				!gone' "$RULES" >"$BATS_TEST_TMPDIR/rules.yml"
			# Its own cases only: all of them take seconds.
			sed "s,^  - .*rules.yml,  - $BATS_TEST_TMPDIR/rules.yml," "$tests" | awk -v name="$name" '
				function put() { if (head || mine) printf "%s", text; text = ""; head = 0 }
				BEGIN { head = 1 }
				/^  - interval:/ { put(); mine = 0 }
				$1 == "name:" { mine = $2 == name }
				{ text = text $0 "\n" }
				END { put() }' >"$BATS_TEST_TMPDIR/tests.yml"
			expect 1 promtool test rules "$BATS_TEST_TMPDIR/tests.yml"
			contains "$name: $expr" "$output$stderr" "alertname: $name,"
		done
	done
}

@test "dashboard: JSON that Grafana takes for one, and no panel twice in a place" {
	need_program jq
	output=$(<"$DASHBOARD") stderr=
	valid_json
	same "panels without what they need" "$(jq -r '.panels[] | select(.type != "row") |
		select((.targets | length) == 0 or .description == "" or .datasource.uid != "${datasource}"
			or .gridPos == null) | .title' "$DASHBOARD")" ""
	same "numbers" "$(jq '[.panels[].id] | length == (unique | length)' "$DASHBOARD")" true
	same "places" "$(jq '[.panels[].gridPos | [.x, .y]] | length == (unique | length)' "$DASHBOARD")" true
	same "too wide" "$(jq '[.panels[].gridPos | select(.x + .w > 24)] | length' "$DASHBOARD")" 0
	same "variables" "$(jq -r '[.templating.list[].name] | join(" ")' "$DASHBOARD")" \
		"datasource job instance"
}

@test "dashboard and alerts: a real Prometheus has data for each query" {
	need_program prometheus prometheus-node-exporter curl jq
	dir=$BATS_TEST_TMPDIR/text
	mkdir "$dir"
	ksmctl metrics --by unit --write "$dir/ksm.prom" -s "$ROOT"
	exporter_start "$dir"
	stdout_has "
node_textfile_scrape_error 0"
	stdout_has "
node_textfile_mtime_seconds{file=\"$dir/ksm.prom\"} "
	[[ $output != *untyped* ]] || fail "untyped: $(grep -B2 untyped <<<"$output")"
	prometheus_start "$RULES"
	# A rate needs two samples of the figure.
	wait_until prometheus_query 'count_over_time(ksm_ksmd_cpu_seconds_total[1m]) > 1'
	n=0
	while IFS= read -r query; do
		query=${query//'$job'/node}
		query=${query//'$instance'/.*}
		query=${query//'$__rate_interval'/1m}
		[[ $query != *'$'* ]] || fail "a variable that nobody fills: $query"
		prometheus_query "$query" || fail "no data: $query" "$output"
		n=$((n + 1))
	done < <(expressions)
	((n > 30)) || fail "only $n queries were found"
	# What fills the variables of the dashboard.
	while IFS= read -r query; do
		[[ $query =~ ^label_values\((.*),\ ([a-z]+)\)$ ]] || fail "not understood: $query"
		prometheus_query "${BASH_REMATCH[1]//'$job'/node}" || fail "no data: $query"
		jq -e ".data.result[0].metric.${BASH_REMATCH[2]}" >/dev/null <<<"$output"
	done < <(jq -r '.templating.list[] | select(.type == "query") | .query.query' "$DASHBOARD")
	# Those of ksm-cluster(7); one of them is for hosts that lose.
	n=0
	while IFS= read -r query; do
		prometheus_query "${query/ < / > }" || fail "no data: $query" "$output"
		n=$((n + 1))
	done < <(sed -n '/^\.EX/,/^\.EE/{s/\\-/-/g;/^[a-z_( 0-9*]*ksm_[a-z_]*bytes [-<\/]/p}' \
		"$KSM_SRCDIR/man/ksm-cluster.7")
	((n == 3)) || fail "$n expressions were found in ksm-cluster(7)"
	# It would find a query that has none.
	! prometheus_query 'ksm_nobody_writes_it' || fail "data from nowhere"
	# The rules are loaded, and none of them fails.
	rules_well() {
		output=$(curl -sf "http://$prometheus/api/v1/rules") &&
			jq -e '[.data.groups[].rules[].health] | all(. == "ok")' >/dev/null <<<"$output"
	}
	wait_until rules_well
	same "rules" "$(jq '.data.groups[].rules | length' <<<"$output")" "$(alerts | wc -l)"
	# And the dashboard's first panel tells what ksmctl does.
	prometheus_query 'sum(ksm_saved_bytes)'
	same "saved" "$(jq -r '.data.result[0].value[1]' <<<"$output")" \
		"$(ksmctl status -J -s "$ROOT" | jq .saved)"
}
