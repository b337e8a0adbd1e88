# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# prometheus.bash - Prometheus' own programs, started for a test on ports of the loopback
# that are free now, and ended with it. Their packages are too large, and start services,
# to be asked for: what needs one is skipped where it is missing.

# need_program NAME...: skip, with the reason, where one is missing.
need_program() {
	local name

	for name in "$@"; do
		command -v "$name" >/dev/null || skip "no $name"
	done
}

# port_free FROM: $port is the first from there on that nobody listens on.
port_free() {
	for ((port = $1; port < $1 + 100; port++)); do
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
	fail "no port is free from $1 on"
}

# exporter_start DIR: node_exporter with the text files of DIR, at $exporter.
exporter_start() {
	port_free 19100
	exporter=127.0.0.1:$port
	spawn prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$1" --web.listen-address="$exporter" \
		>"$BATS_TEST_TMPDIR/log.exporter" 2>&1
	wait_until exporter_scrape
}

# exporter_scrape: what it tells now, in $output.
exporter_scrape() {
	output=$(curl -sf "http://$exporter/metrics") && [[ $output == *node_textfile_scrape_error* ]]
}

# prometheus_start RULES: with these rules, and what the exporter tells twice a second, at
# $prometheus.
prometheus_start() {
	local dir=$BATS_TEST_TMPDIR/prometheus

	mkdir "$dir"
	cat >"$dir/prometheus.yml" <<-END
		global:
		  scrape_interval: 500ms
		  scrape_timeout: 500ms
		  evaluation_interval: 500ms
		rule_files:
		  - $1
		scrape_configs:
		  - job_name: node
		    static_configs:
		      - targets: ['$exporter']
	END
	port_free 19300
	prometheus=127.0.0.1:$port
	spawn prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
		--web.listen-address="$prometheus" >"$BATS_TEST_TMPDIR/log.prometheus" 2>&1
	wait_until curl -sf -o "$BATS_TEST_TMPDIR/ready" "http://$prometheus/-/ready"
}

# prometheus_query EXPRESSION: the JSON of its answer, in $output; fails where it is an error
# or has no data.
prometheus_query() {
	output=$(curl -s --data-urlencode "query=$1" "http://$prometheus/api/v1/query") &&
		jq -e '.status == "success" and (.data.result | length) > 0' >/dev/null <<<"$output"
}
