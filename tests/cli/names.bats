#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# names.bats - what tools call groups of processes and columns: two things never
# get one name, a name can be copied back, and no locale changes a key.

load ../lib/helpers

setup() { use_root 6.12-busy; }

in_cgroup() { echo "0::$2" >"$ROOT/proc/$1/cgroup"; }

groups() { ksmctl procs -s "$ROOT" -rn --by "$1" -o GROUP | sort; }

@test "units: escapes stay, so that two units are two rows" {
	in_cgroup 2001 '/system.slice/app-foo\x2dbar.service'
	in_cgroup 2002 '/system.slice/app-foo-bar.service'
	in_cgroup 2003 '/system.slice/_memory.service'
	expect 0 ksmctl procs -s "$ROOT" -rn -p 2001,2002,2003 -o PID,UNIT --sort pid
	stdout_is '2001 app-foo\x2dbar.service
2002 app-foo-bar.service
2003 memory.service'
	expect 0 ksmctl procs -s "$ROOT" -rn --by unit -o GROUP,PROCS
	stdout_has 'app-foo\x2dbar.service 1'
	stdout_has 'app-foo-bar.service 1'
	expect 0 ksmtop -b -s "$ROOT" --by unit --csv -o GROUP
	stdout_has 'app-foo\x2dbar.service'
	stdout_has 'app-foo-bar.service'
	stdout_has 'memory.service'
}

@test "units: the host's, a container's and a user's of one name are three rows" {
	in_cgroup 2001 /system.slice/nginx.service
	in_cgroup 2002 /lxc.payload.web/system.slice/nginx.service
	in_cgroup 2003 /user.slice/user-7.slice/user@7.service/app.slice/nginx.service
	expect 0 ksmctl procs -s "$ROOT" -rn -p 2001,2002,2003 --by unit -o GROUP,PROCS --sort group
	stdout_is "nginx.service 1
nginx.service@user-7 1
nginx.service@web 1"
}

@test "cgroups: what is printed can be given to --cgroup, and so can the name itself" {
	local printed
	in_cgroup 2001 '/system.slice/app\x2dworker@1.service'
	in_cgroup 2002 '/system.slice/k\xc3\xa4se.service'
	in_cgroup 2003 '/system.slice/two\\slashes.service'
	for pid in 2001 2002 2003; do
		printed=$(ksmctl procs -s "$ROOT" -rn -p $pid -o CGROUP)
		expect 0 ksmctl procs -s "$ROOT" -rn --cgroup "$printed" -o PID
		stdout_is $pid
		printed=$(cut -d: -f3 "$ROOT/proc/$pid/cgroup")
		expect 0 ksmctl procs -s "$ROOT" -rn --cgroup "$printed" -o PID
		stdout_is $pid
	done
	same printed "$(ksmctl procs -s "$ROOT" -rn -p 2001 -o CGROUP)" \
		'/system.slice/app\x2dworker@1.service'
}

@test "guests: by the name they were given, not by what is left of it in the scope" {
	printf 'qemu-system-x86_64\0-name\0guest=web_1,debug-threads=on\0' >"$ROOT/proc/1001/cmdline"
	printf 'qemu-system-x86_64\0-name\0guest=web1\0' >"$ROOT/proc/1002/cmdline"
	in_cgroup 1001 '/machine.slice/machine-qemu\x2d1\x2dweb1.scope/libvirt/emulator'
	in_cgroup 1002 '/machine.slice/machine-qemu\x2d2\x2dweb1.scope/libvirt/emulator'
	printf 'cloud-hypervisor\0--id=box\0' >"$ROOT/proc/1010/cmdline"
	expect 0 ksmctl procs -s "$ROOT" -rn -p 1001,1002,1010 --by vm -o GROUP,PROCS --sort group
	stdout_is "box 1
web1 1
web_1 1"
	expect 0 ksmtop -b -s "$ROOT" --by vm --csv -o GROUP
	stdout_has web_1
	stdout_has box
}

@test "--match: a title that is padded with NUL" {
	printf 'Process Title\0\0\0\0\0\0' >"$ROOT/proc/2001/cmdline"
	printf 'Other\0Title\0\0\0' >"$ROOT/proc/2002/cmdline"
	printf '\0\0\0\0' >"$ROOT/proc/2003/cmdline"
	expect 0 ksmctl procs -s "$ROOT" -rn --match '^Process Title$' -o PID
	stdout_is 2001
	expect 0 ksmctl procs -s "$ROOT" -rn --match '^Other Title$' -o PID
	stdout_is 2002
	# Nothing but NUL is no command line: the name counts.
	expect 0 ksmctl procs -s "$ROOT" -rn --match '^python3$' -o PID
	stdout_has 2003
}

@test "keys: the same under Turkish and Azeri" {
	local locale dir=$BATS_TEST_TMPDIR/locale
	command -v localedef >/dev/null || skip "no localedef"
	mkdir "$dir"
	for locale in tr_TR az_AZ; do
		[[ -e /usr/share/i18n/locales/$locale ]] ||
			skip "no locale sources (package locales)"
		localedef -i $locale -f UTF-8 "$dir/$locale.UTF-8" || :
		[[ -d $dir/$locale.UTF-8 ]] || skip "localedef made no $locale.UTF-8"
	done
	ksmctl procs -J -s "$ROOT" -o PID,MERGING,ITEMS >"$BATS_TEST_TMPDIR/want"
	for locale in tr_TR az_AZ; do
		expect 0 env LOCPATH="$dir" LC_ALL=$locale.UTF-8 ksmctl procs -J -s "$ROOT" \
			-o pid,merging,items
		stdout_is "$(<"$BATS_TEST_TMPDIR/want")"
		expect 0 env LOCPATH="$dir" LC_ALL=$locale.UTF-8 ksmtop -b -s "$ROOT" --csv \
			-o pid,profit --sort PROFIT
		stdout_has 1001
		expect 0 env LOCPATH="$dir" LC_ALL=$locale.UTF-8 ksmctl set -s "$ROOT" \
			merge_across_nodes NO
		file_is sys/kernel/mm/ksm/merge_across_nodes 0
	done
}

@test "invisible characters: the table is what Unicode has" {
	local data=/usr/share/unicode table=$KSM_SRCDIR/tools/cli/invisible.c version

	[[ -r $data/DerivedCoreProperties.txt ]] || skip "no data of Unicode (package unicode-data)"
	version=$(sed -n 's/.* of Unicode \(.*\)\.$/\1/p' "$table")
	grep -q "^# DerivedCoreProperties-$version.txt" "$data/DerivedCoreProperties.txt" ||
		skip "the table is of Unicode $version, and the data of another"
	expect 0 "$KSM_SRCDIR/tests/lib/make-invisible" "$data"
	same "the table" "$(<"$table")" "$output"
}
