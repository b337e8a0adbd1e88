#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-opt.bats - opt-in and opt-out: what is written for a service and for no other
# one, that it is what systemd reads, and that all of it goes away again.

load ../lib/helpers

# A root with the files of a system, and a stand-in for systemctl, which notes what it is
# asked: nothing here touches the units of this machine.
setup() {
	R=$BATS_TEST_TMPDIR/image
	UNITS=$R/lib/systemd/system
	ETC=$R/etc/systemd/system
	ADVISE=$(sed -n 's/^#define BINDIR "\(.*\)"$/\1/p' "$KSM_BUILDDIR/tools/util/dirs.h")/ksm-advise
	mkdir -p "$UNITS" "$ETC" "$R${ADVISE%/*}" "$R/usr/lib/systemd" "$BATS_TEST_TMPDIR/bin"
	touch "$R$ADVISE"
	systemd 252
	service plain 'ExecStart=/usr/bin/plain -f "two words" $OPTIONS'
	cat >"$BATS_TEST_TMPDIR/bin/systemctl" <<-'END'
		#!/bin/sh
		echo "$@" >>"$ASKED"
		case $1 in
		--version) echo "systemd ${VERSION-252} (${VERSION-252}.1-1)"; echo "+PAM" ;;
		daemon-reload) exit "${RELOAD-0}" ;;
		*) exit 1 ;;
		esac
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/systemctl"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	export ASKED=$BATS_TEST_TMPDIR/asked
	: >"$ASKED"
}

# systemd VERSION: which one the root has.
systemd() {
	rm -f "$R"/usr/lib/systemd/libsystemd-shared-*
	touch "$R/usr/lib/systemd/libsystemd-shared-$1.so"
}

# service NAME LINE...: of its section [Service].
service() {
	printf '%s\n' '[Unit]' "Description=$1" '[Service]' "${@:2}" >"$UNITS/$1.service"
}

# prints NAME LINE...: what is written for the commands of a unit.
prints() {
	expect 0 ksmctl opt-in --root "$R" --print "$1"
	same "ExecStart= of $1" "$(sed -n '/^ExecStart=$/,$p' <<<"$output")" \
		"$(printf '%s\n' ExecStart= "${@:2}")"
}

# left_over: all there is below the directories that opt-in writes to.
left_over() { (cd "$R" && find etc run ! -type d -o -name '*.d' 2>/dev/null | sort); }

@test "opt-in: MemoryKSM= where systemd has it" {
	for version in 254 255.4-1 257; do
		systemd $version
		expect 0 ksmctl opt-in --root "$R" plain
		stdout_is "wrote /etc/systemd/system/plain.service.d/ksm-utils.conf: MemoryKSM=yes"
		stderr_is ""
		same "the drop-in" "$(<"$ETC/plain.service.d/ksm-utils.conf")" \
			'# Written by ksmctl opt-in; "ksmctl opt-out plain.service" takes it back.
[Service]
MemoryKSM=yes'
	done
	expect 0 ksmctl opt-in --root "$R" --advise --print plain
	stdout_has "ExecStart=$ADVISE -- /usr/bin/plain "
	stderr_is ""
}

@test "opt-in: through ksm-advise where it has not, or nobody knows" {
	expect 0 ksmctl opt-in --root "$R" plain.service
	stdout_is "wrote /etc/systemd/system/plain.service.d/ksm-utils.conf: it runs through ksm-advise"
	stderr_is ""
	same "the drop-in" "$(<"$ETC/plain.service.d/ksm-utils.conf")" \
		'# Written by ksmctl opt-in; "ksmctl opt-out plain.service" takes it back.
# systemd 252 has no MemoryKSM= (254 has).
[Service]
ExecStart=
ExecStart='"$ADVISE"' -- /usr/bin/plain -f "two words" $OPTIONS'
	same mode "$(stat -c %a "$ETC/plain.service.d/ksm-utils.conf")" 644
	rm "$R"/usr/lib/systemd/libsystemd-shared-*
	expect 0 ksmctl opt-in --root "$R" --print plain
	stdout_has "# It is not known which systemd this is."
	# Debian's place for it.
	mkdir -p "$R/usr/lib/x86_64-linux-gnu/systemd"
	touch "$R/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so"
	expect 0 ksmctl opt-in --root "$R" --print plain
	stdout_has "MemoryKSM=yes"
}

@test "opt-in: written twice, it is the same, and opt-out takes all of it away" {
	before=$(left_over)
	for options in "" --runtime; do
		# shellcheck disable=SC2086
		expect 0 ksmctl opt-in --root "$R" $options plain
		file=$R/etc/systemd/system/plain.service.d/ksm-utils.conf
		[[ ! $options ]] || file=$R/run/systemd/system/plain.service.d/ksm-utils.conf
		text=$(<"$file")
		# Its own drop-in is not what it wraps.
		# shellcheck disable=SC2086
		expect 0 ksmctl opt-in --root "$R" $options plain
		same "the second time" "$(<"$file")" "$text"
		expect 0 ksmctl opt-out --root "$R" plain
		stdout_is "removed ${file#"$R"}"
		stderr_is ""
		same "what is left" "$(left_over)" "$before"
		expect 1 ksmctl opt-out --root "$R" plain
		stdout_is ""
		stderr_is "ksmctl: plain.service: opt-in has written nothing for it"
	done
	# Drop-ins of others stay, and so does their directory.
	mkdir "$ETC/plain.service.d"
	echo "[Service]" >"$ETC/plain.service.d/mine.conf"
	ksmctl opt-in --root "$R" plain
	ksmctl opt-in --root "$R" --runtime plain
	expect 0 ksmctl opt-out --root "$R" plain
	stdout_is "removed /etc/systemd/system/plain.service.d/ksm-utils.conf
removed /run/systemd/system/plain.service.d/ksm-utils.conf"
	same "what is left" "$(ls "$ETC/plain.service.d")" mine.conf
}

@test "opt-in: a file of that name that somebody else wrote is left alone" {
	mkdir "$ETC/plain.service.d"
	file=$ETC/plain.service.d/ksm-utils.conf
	echo "# mine" >"$file"
	echo "# elsewhere" >"$BATS_TEST_TMPDIR/victim"
	for kind in file link; do
		[[ $kind == file ]] || ln -sf "$BATS_TEST_TMPDIR/victim" "$file"
		expect 1 ksmctl opt-in --root "$R" plain
		stdout_is ""
		stderr_is "ksmctl: /etc/systemd/system/plain.service.d/ksm-utils.conf: not replaced: somebody else wrote it"
		expect 1 ksmctl opt-out --root "$R" plain
		stdout_is ""
		stderr_is "ksmctl: /etc/systemd/system/plain.service.d/ksm-utils.conf: not removed: somebody else wrote it"
	done
	same "what the link leads to" "$(<"$BATS_TEST_TMPDIR/victim")" "# elsewhere"
}

@test "opt-in: prefixes of commands" {
	n=0
	for prefix in - + '!' '!!' : -: ':-' '+-'; do
		service x "ExecStart=$prefix/usr/bin/x \$A"
		prints x "ExecStart=$prefix$ADVISE -- /usr/bin/x \$A"
		stderr_is ""
		n=$((n + 1))
	done
	((n == 8))
	# The name behind "@" has no place any more.
	service x 'ExecStart=@/usr/bin/x x-by-name --flag' 'ExecStart=-@/usr/bin/y y'
	prints x "ExecStart=$ADVISE -- /usr/bin/x --flag" "ExecStart=-$ADVISE -- /usr/bin/y"
	stderr_is "ksmctl: warning: x.service: ExecStart=@/usr/bin/x x-by-name --flag: the name behind \"@\" cannot be carried over: the program is called by its path
ksmctl: warning: x.service: ExecStart=-@/usr/bin/y y: the name behind \"@\" cannot be carried over: the program is called by its path"
	for bad in '|/usr/bin/x' '-|echo' '-'; do
		service x "ExecStart=$bad"
		expect 1 ksmctl opt-in --root "$R" x
		stdout_is ""
		stderr_is "ksmctl: x.service: ExecStart=$bad: not understood"
	done
	same "what is written" "$(left_over)" ""
}

@test "opt-in: the text of commands as systemd reads it" {
	# A variable stands for something in an argument, and for itself in a path.
	service x 'ExecStart=/opt/$x/a $B' 'ExecStart=:/opt/$x/a $B' 'ExecStart="/opt/my x/a" %i'
	prints x "ExecStart=$ADVISE -- /opt/\$\$x/a \$B" "ExecStart=:$ADVISE -- /opt/\$x/a \$B" \
		"ExecStart=$ADVISE -- \"/opt/my x/a\" %i"
	# More than one in a line, where ";" stands alone.
	service x 'ExecStart=/bin/a "b ; c" ; -/bin/d e\;f \; g ;/bin/h ; /bin/i'
	prints x "ExecStart=$ADVISE -- /bin/a \"b ; c\"" "ExecStart=-$ADVISE -- /bin/d e\\;f \\; g ;/bin/h" \
		"ExecStart=$ADVISE -- /bin/i"
	# Lines that go on, comments in between, blanks around, and other sections.
	service x '  ExecStart  =  /bin/a \' '# not this' '  ; nor this' '   b\\' 'ExecStop=/bin/c' \
		'#ExecStart=/bin/d' '[Install]' 'ExecStart=/bin/e'
	prints x "ExecStart=$ADVISE -- /bin/a     b\\\\"
	# What was said before is forgotten.
	service x ExecStart=/bin/a ExecStart= ExecStart=/bin/b
	prints x "ExecStart=$ADVISE -- /bin/b"
}

@test "opt-in: drop-ins count, in the order of systemd" {
	mkdir -p "$UNITS/plain.service.d" "$ETC/plain.service.d" "$R/run/systemd/system/plain.service.d" \
		"$UNITS/service.d" "$UNITS/a-b-c.service.d" "$UNITS/a-b-.service.d" "$UNITS/a-.service.d"
	printf '[Service]\nExecStart=\nExecStart=/bin/lib\n' >"$UNITS/plain.service.d/50.conf"
	prints plain "ExecStart=$ADVISE -- /bin/lib"
	printf '[Service]\nExecStart=\nExecStart=/bin/run\n' >"$R/run/systemd/system/plain.service.d/50.conf"
	prints plain "ExecStart=$ADVISE -- /bin/run"
	# Of that name, and so in its place; then one that adds, by the order of names.
	printf '[Service]\nExecStart=\nExecStart=/bin/etc\n' >"$ETC/plain.service.d/50.conf"
	printf '[Service]\nExecStart=/bin/more\n' >"$UNITS/service.d/60.conf"
	printf '[Service]\nExecStart=/bin/never\n' >"$UNITS/service.d/40.conf"
	printf '[Service]\nExecStart=/bin/never\n' >"$UNITS/service.d/70.other"
	prints plain "ExecStart=$ADVISE -- /bin/etc" "ExecStart=$ADVISE -- /bin/more"
	# Masked.
	ln -sf /dev/null "$ETC/plain.service.d/50.conf"
	prints plain "ExecStart=$ADVISE -- /usr/bin/plain -f \"two words\" \$OPTIONS" \
		"ExecStart=$ADVISE -- /bin/never" "ExecStart=$ADVISE -- /bin/more"
	rm "$UNITS"/service.d/*
	service a-b-c ExecStart=/bin/abc
	printf '[Service]\nExecStart=/bin/ab\n' >"$UNITS/a-b-.service.d/1.conf"
	printf '[Service]\nExecStart=/bin/a\n' >"$UNITS/a-.service.d/2.conf"
	prints a-b-c "ExecStart=$ADVISE -- /bin/abc" "ExecStart=$ADVISE -- /bin/ab" "ExecStart=$ADVISE -- /bin/a"
}

@test "opt-in: an instance has the file of its template, and a drop-in of its own" {
	service worker@ 'ExecStart=/bin/worker --name %i'
	expect 0 ksmctl opt-in --root "$R" worker@one
	stderr_is ""
	grep -qxF "ExecStart=$ADVISE -- /bin/worker --name %i" "$ETC/worker@one.service.d/ksm-utils.conf"
	same "what is written" "$(left_over)" "etc/systemd/system/worker@one.service.d
etc/systemd/system/worker@one.service.d/ksm-utils.conf"
}

@test "opt-in: names of units, and none that stands for others" {
	while IFS='|' read -r name why; do
		expect 2 ksmctl opt-in --root "$R" -- "$name"
		stdout_is ""
		stderr_is "ksmctl: $name: $why
Try 'ksmctl opt-in --help' for more information."
		expect 2 ksmctl opt-out --root "$R" -- "$name"
		stdout_is ""
	done <<-'END'
		../../etc/passwd|not the name of a unit
		a/b|not the name of a unit
		a b|not the name of a unit
		a*|not the name of a unit
		.hidden|not the name of a unit
		@x|not the name of a unit
		.service|not the name of a unit
		plain.socket|not a service
		user.slice|not a service
		session-4.scope|not a service
		worker@|a template, which stands for all its instances: name one of them
		worker@.service|a template, which stands for all its instances: name one of them
		plain-|it would hold for all units that begin so
		plain-.service|it would hold for all units that begin so
		plain-@x|it would hold for all units that begin so
	END
	long=$(printf 'a%.0s' {1..260})
	expect 2 ksmctl opt-in --root "$R" "$long"
	stderr_has "not the name of a unit"
	expect 2 ksmctl opt-in --root "$R" ""
	expect 2 ksmctl opt-in --root "$R"
	stderr_has "ksmctl: opt-in: no unit named"
	expect 2 ksmctl opt-in --root "$R" plain plain
	stderr_has "ksmctl: plain: unexpected argument"
	same "what is written" "$(left_over)" ""
}

@test "opt-in: what there is not, what never starts, what has another name" {
	expect 1 ksmctl opt-in --root "$R" none
	stderr_is "ksmctl: none.service: no such unit"
	ln -s /dev/null "$ETC/masked.service"
	service masked ExecStart=/bin/masked
	expect 1 ksmctl opt-in --root "$R" masked
	stderr_is "ksmctl: masked.service: it is masked, so it never starts"
	: >"$ETC/empty.service"
	expect 1 ksmctl opt-in --root "$R" empty
	stderr_is "ksmctl: empty.service: it is masked, so it never starts"
	ln -s /lib/systemd/system/plain.service "$ETC/dbus-org.x.service"
	expect 1 ksmctl opt-in --root "$R" dbus-org.x
	stderr_is "ksmctl: dbus-org.x.service: another name of plain.service: name that one"
	service stops ExecStop=/bin/x Type=oneshot
	expect 1 ksmctl opt-in --root "$R" stops
	stderr_is "ksmctl: stops.service: it has no ExecStart=, so that there is nothing to run through ksm-advise"
	mkdir "$UNITS/dir.service"
	expect 1 ksmctl opt-in --root "$R" dir
	stderr_has "ksmctl: /lib/systemd/system/dir.service: cannot read: "
	printf '[Service]\nExecStart=/bin/a\0b\n' >"$UNITS/nul.service"
	expect 1 ksmctl opt-in --root "$R" nul
	stderr_is "ksmctl: /lib/systemd/system/nul.service: cannot read: Invalid argument"
	mkfifo "$UNITS/pipe.service"
	expect 1 timeout 60 ksmctl opt-in --root "$R" pipe
	stderr_is "ksmctl: /lib/systemd/system/pipe.service: cannot read: Invalid argument"
	{ printf '[Service]\nExecStart=/bin/a '; head -c 1100000 /dev/zero | tr '\0' x; } >"$UNITS/large.service"
	expect 1 ksmctl opt-in --root "$R" large
	stderr_is "ksmctl: /lib/systemd/system/large.service: cannot read: File too large"
	same "what is written" "$(left_over | grep -v '\.service$')" ""
	expect 1 ksmctl opt-in --root "$R/none" plain
	stderr_is "ksmctl: $R/none: cannot open: No such file or directory"
}

@test "opt-in: a service that could not start then is left alone" {
	for line in RootDirectory=/srv/x RootImage=/srv/x.raw NoExecPaths=/ ExecPaths=/usr/bin; do
		service x ExecStart=/bin/x "$line"
		expect 1 ksmctl opt-in --root "$R" x
		stdout_is ""
		stderr_is "ksmctl: x.service: ${line%%=*}= hides $ADVISE from it"
	done
	service x ExecStart=/bin/x RootDirectory=/srv/x RootDirectory= ; prints x "ExecStart=$ADVISE -- /bin/x"
	service x ExecStart=/bin/x RootDirectory=/ ; prints x "ExecStart=$ADVISE -- /bin/x"
	rm "$R$ADVISE"
	expect 1 ksmctl opt-in --root "$R" plain
	stdout_is ""
	stderr_is "ksmctl: $R$ADVISE: not there, so the service could not start"
	expect 0 ksmctl opt-in --root "$R" --print plain
	stdout_has "ExecStart=$ADVISE -- "
	stderr_is "ksmctl: warning: $ADVISE is not there: the service could not start"
	# MemoryKSM= needs none of it.
	systemd 254
	service x ExecStart=/bin/x RootDirectory=/srv/x
	expect 0 ksmctl opt-in --root "$R" x
	stderr_is ""
}

@test "opt-in: what merges already is left as it is" {
	systemd 254
	service x ExecStart=/bin/x MemoryKSM=true
	expect 0 ksmctl opt-in --root "$R" x
	stdout_is ""
	stderr_is "ksmctl: warning: x.service: it has MemoryKSM=yes already: nothing written"
	service x ExecStart=/bin/x MemoryKSM=true MemoryKSM=no
	expect 0 ksmctl opt-in --root "$R" --print x
	stdout_has MemoryKSM=yes
	systemd 252
	service x 'ExecStart=-/opt/bin/ksm-advise -S -- /bin/x'
	expect 0 ksmctl opt-in --root "$R" x
	stdout_is ""
	stderr_is "ksmctl: warning: x.service: it runs through ksm-advise already: nothing written"
	service x ExecStart=/bin/not-ksm-advise 'ExecStart=ksm-advise -- /bin/x'
	prints x "ExecStart=$ADVISE -- /bin/not-ksm-advise" 'ExecStart=ksm-advise -- /bin/x'
	same "what is written" "$(left_over)" ""
}

@test "opt-in: links of an image lead nowhere outside of it" {
	mkdir "$BATS_TEST_TMPDIR/outside"
	ln -s "$BATS_TEST_TMPDIR/outside" "$ETC/plain.service.d"
	run --separate-stderr ksmctl opt-in --root "$R" plain
	[[ $status == 1 ]] || fail "$status: $output"
	same "outside" "$(ls -A "$BATS_TEST_TMPDIR/outside")" ""
	rm "$ETC/plain.service.d"
	printf '[Service]\nExecStart=/bin/of-the-host\n' >"$BATS_TEST_TMPDIR/outside/x.service"
	ln -s "$BATS_TEST_TMPDIR/outside/x.service" "$UNITS/x.service"
	expect 1 ksmctl opt-in --root "$R" x
	stderr_is "ksmctl: x.service: no such unit"
}

@test "opt-in: of this system, --print asks for the version and nothing else" {
	[[ -d /lib/systemd/system ]] || skip "no systemd here"
	unit=$(cd /lib/systemd/system && grep -l '^ExecStart=/' -- *.service | grep -v -e @ -e '^dbus-' | head -n 1)
	[[ -n $unit ]] || skip "no service here"
	VERSION=254 expect 0 ksmctl opt-in --print "$unit"
	stdout_has "MemoryKSM=yes"
	same "asked" "$(<"$ASKED")" --version
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/systemctl"
	expect 1 ksmctl opt-in --print "$unit"
	stdout_is ""
	stderr_is "ksmctl: systemctl: it does not tell its version"
	rm "$BATS_TEST_TMPDIR/bin/systemctl"
	PATH=$BATS_TEST_TMPDIR/bin expect 3 "$KSM_BUILDDIR/ksmctl" opt-in --print "$unit"
	stdout_is ""
	stderr_is "ksmctl: systemctl: not found: no systemd here (--root is for another system)"
}

@test "opt-in: of this system, in a mount namespace: written, reloaded when told to, never restarted" {
	need_mounts
	for dir in /etc/systemd/system /run/systemd; do
		[[ -d $dir ]] || skip "no $dir here"
	done
	cat >"$BATS_TEST_TMPDIR/inside" <<-'END'
		set -e
		mount -t tmpfs none /etc/systemd/system
		printf '[Service]\nExecStart=/bin/x\n' >/etc/systemd/system/ksm-trial.service
		"$@"
		cat /etc/systemd/system/ksm-trial.service.d/ksm-utils.conf >&2
		ksmctl opt-out ksm-trial
		ls /etc/systemd/system
	END
	export VERSION=255
	for options in "" --now; do
		: >"$ASKED"
		# shellcheck disable=SC2086
		expect 0 unshare -m sh "$BATS_TEST_TMPDIR/inside" ksmctl opt-in $options ksm-trial
		stderr_has "MemoryKSM=yes"
		path=/etc/systemd/system/ksm-trial.service.d/ksm-utils.conf
		next="not in force yet: systemctl daemon-reload && systemctl restart ksm-trial.service"
		said=$next
		[[ ! $options ]] || said="from its next start on: systemctl restart ksm-trial.service"
		stdout_is "wrote $path: MemoryKSM=yes
$said
removed $path
$next
ksm-trial.service"
		same "asked" "$(<"$ASKED")" "--version${options:+$'\n'daemon-reload}"
	done
	RELOAD=1 expect 1 unshare -m sh "$BATS_TEST_TMPDIR/inside" ksmctl opt-in --now ksm-trial
	stderr_is "ksmctl: systemctl daemon-reload: it failed"
}

@test "opt-in: options that exclude one another, and a dump" {
	expect 2 ksmctl opt-in --print --now plain
	stdout_is ""
	expect 2 ksmctl opt-in --root "$R" --now plain
	stdout_is ""
	expect 3 ksmctl opt-in -s "$R" plain
	stdout_is ""
	stderr_is "ksmctl: $R: a dump has no units (--root is for images)"
	expect 3 ksmctl opt-out -s "$R" plain
	stdout_is ""
}

@test "opt-in: hostile text of a unit is not printed raw to the terminal" {
	service x $'ExecStart=|/bin/\e[31mx\x01'
	expect 1 ksmctl opt-in --root "$R" x
	clean_text
}

@test "opt-in: systemd-analyze finds nothing wrong with what is written" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	# Programs that are there, for it looks for them.
	mkdir -p "$BATS_TEST_TMPDIR/units/v.service.d"
	service v Type=oneshot 'ExecStart=-/bin/echo "two words" $A ; :/bin/cat /dev/null' \
		'ExecStart=@/bin/sh name -c "exit 0"' 'ExecStart="/bin/echo" %n 100%% \' '  more'
	cp "$UNITS/v.service" "$BATS_TEST_TMPDIR/units/"
	for version in 252 254; do
		systemd $version
		expect 0 ksmctl opt-in --root "$R" --print v
		sed "s,$ADVISE,$KSM_BUILDDIR/ksm-advise," <<<"$output" \
			>"$BATS_TEST_TMPDIR/units/v.service.d/ksm-utils.conf"
		run --separate-stderr timeout 60 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/units/v.service"
		# An older systemd does not know the setting, and says so.
		[[ $version == 252 ]] || stderr=$(grep -v "MemoryKSM" <<<"$stderr" || :)
		stderr_is ""
		same "status" "$status" 0
	done
	# It would find something.
	printf 'ExecStart=relative/path\n' >>"$BATS_TEST_TMPDIR/units/v.service.d/ksm-utils.conf"
	run systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/units/v.service"
	[[ -n $output ]] || fail "it finds nothing at all"
}
