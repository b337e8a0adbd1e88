// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * klp-link, which makes livepatch symbols: what it writes for a small module, and that
 * whatever is wrong with a module is refused with a reason.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static int klp_link_main(int argc, char **argv);
#define main klp_link_main
#include "../../kernel/scripts/klp-link.c"
#undef main

#include "root.h"
#include "tap.h"

enum { NONE, TEXT, RELA, SYMTAB, STRTAB, SHSTRTAB, SECTIONS };
enum { PRIVATE = 1, EXPORTED, HERE, SYMBOLS };

/* The table of sections is the last: no part of the file can be done without. */
struct module {
	Elf64_Ehdr head;
	Elf64_Sym sym[SYMBOLS];
	Elf64_Rela rela[3];
	char names[32];
	char section_names[64];
	unsigned char text[24];
	Elf64_Shdr section[SECTIONS];
};

static const char names[] = "\0private\0exported\0here";
static const char section_names[] = "\0.text\0.rela.text\0.symtab\0.strtab\0.shstrtab";

static struct root root;
static char said[512];

static Elf64_Word at(const char *table, size_t size, const char *name)
{
	const char *p = memmem(table, size, name, strlen(name) + 1);

	return (Elf64_Word)(p - table);
}

static void set_section(struct module *m, unsigned int i, const char *name, Elf64_Word type,
			size_t offset, size_t size)
{
	m->section[i] = (Elf64_Shdr){
		.sh_name = at(section_names, sizeof(section_names), name),
		.sh_type = type,
		.sh_offset = offset,
		.sh_size = size,
		.sh_addralign = 8,
	};
}

static void set_symbol(struct module *m, unsigned int i, const char *name, Elf64_Half index)
{
	m->sym[i] = (Elf64_Sym){
		.st_name = at(names, sizeof(names), name),
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
		.st_shndx = index,
	};
}

static struct module good(void)
{
	static const unsigned int used[] = { PRIVATE, EXPORTED, PRIVATE };
	struct module m = { 0 };
	unsigned int i;

	memcpy(m.head.e_ident, ELFMAG, SELFMAG);
	m.head.e_ident[EI_CLASS] = ELFCLASS64;
	m.head.e_ident[EI_DATA] = ELFDATA2LSB;
	m.head.e_type = ET_REL;
	m.head.e_machine = EM_X86_64;
	m.head.e_shoff = offsetof(struct module, section);
	m.head.e_shentsize = sizeof(Elf64_Shdr);
	m.head.e_shnum = SECTIONS;
	m.head.e_shstrndx = SHSTRTAB;
	memcpy(m.names, names, sizeof(names));
	memcpy(m.section_names, section_names, sizeof(section_names));
	set_symbol(&m, PRIVATE, "private", SHN_UNDEF);
	set_symbol(&m, EXPORTED, "exported", SHN_UNDEF);
	set_symbol(&m, HERE, "here", TEXT);
	for (i = 0; i < 3; i++) {
		m.rela[i].r_offset = 8 * i;
		m.rela[i].r_info = ELF64_R_INFO(used[i], R_X86_64_64);
	}
	set_section(&m, TEXT, ".text", SHT_PROGBITS, offsetof(struct module, text),
		    sizeof(m.text));
	set_section(&m, RELA, ".rela.text", SHT_RELA, offsetof(struct module, rela),
		    sizeof(m.rela));
	m.section[RELA].sh_link = SYMTAB;
	m.section[RELA].sh_info = TEXT;
	set_section(&m, SYMTAB, ".symtab", SHT_SYMTAB, offsetof(struct module, sym),
		    sizeof(m.sym));
	m.section[SYMTAB].sh_link = STRTAB;
	set_section(&m, STRTAB, ".strtab", SHT_STRTAB, offsetof(struct module, names),
		    sizeof(m.names));
	set_section(&m, SHSTRTAB, ".shstrtab", SHT_STRTAB,
		    offsetof(struct module, section_names), sizeof(m.section_names));
	return m;
}

/* Its exit status, or -1 if it ended otherwise; in said: its standard error. */
static int linked(const void *in, size_t size)
{
	static const char *const file[] = { "symbols", "symvers", "in.ko", "out.ko" };
	char path[4][sizeof(root.dir) + 16], *argv[6] = { (char[]){ "klp-link" } };
	int status = 0, fd, i;
	pid_t pid;

	root_put_mem(&root, "in.ko", in, size);
	for (i = 0; i < 4; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%s", root.dir, file[i]);
		argv[i + 1] = path[i];
	}
	root_put(&root, "said", "");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char err[sizeof(root.dir) + 16];

		snprintf(err, sizeof(err), "%s/said", root.dir);
		fd = open(err, O_WRONLY | O_CLOEXEC);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		_exit(klp_link_main(5, argv) | (fflush(NULL) != 0));
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	root_get(&root, "said", said, sizeof(said));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void begin(void)
{
	root_new(&root);
	root_put(&root, "symbols", "# a comment\nprivate\n");
	root_put(&root, "symvers", "0x12345678\texported\tvmlinux\tEXPORT_SYMBOL\t\n");
}

static void becomes_livepatch(void)
{
	static union {
		char bytes[4096];
		Elf64_Ehdr head;
	} out;
	struct module m = good();
	const Elf64_Shdr *s;
	const Elf64_Sym *sym;
	const Elf64_Rela *r;
	const char *str;

	begin();
	CHECK_INT(linked(&m, sizeof(m)), 0);
	{
		char path[sizeof(root.dir) + 16];
		FILE *f;

		snprintf(path, sizeof(path), "%s/out.ko", root.dir);
		f = fopen(path, "re");
		CHECK(f && fread(out.bytes, 1, sizeof(out.bytes), f) > sizeof(out.head));
		if (f)
			fclose(f);
	}
	CHECK_INT(out.head.e_shnum, SECTIONS + 1);
	s = (const Elf64_Shdr *)(const void *)(out.bytes + out.head.e_shoff);
	str = out.bytes + s[STRTAB].sh_offset;
	sym = (const Elf64_Sym *)(const void *)(out.bytes + s[SYMTAB].sh_offset);
	CHECK_STR(str + sym[PRIVATE].st_name, ".klp.sym.vmlinux.private,0");
	CHECK_INT(sym[PRIVATE].st_shndx, 0xff20);
	CHECK_STR(str + sym[EXPORTED].st_name, "exported");
	CHECK_INT(sym[EXPORTED].st_shndx, SHN_UNDEF);
	CHECK_STR(str + sym[HERE].st_name, "here");
	CHECK_INT(sym[HERE].st_shndx, TEXT);
	CHECK_INT(s[RELA].sh_size, sizeof(Elf64_Rela));
	r = (const Elf64_Rela *)(const void *)(out.bytes + s[RELA].sh_offset);
	CHECK_INT(ELF64_R_SYM(r->r_info), EXPORTED);
	str = out.bytes + s[SHSTRTAB].sh_offset;
	CHECK_STR(str + s[SECTIONS].sh_name, ".klp.rela.vmlinux..text");
	CHECK_INT(s[SECTIONS].sh_flags, 0x00100000 | SHF_ALLOC);
	CHECK_INT(s[SECTIONS].sh_info, TEXT);
	CHECK_INT(s[SECTIONS].sh_size, 2 * sizeof(Elf64_Rela));
	r = (const Elf64_Rela *)(const void *)(out.bytes + s[SECTIONS].sh_offset);
	CHECK_INT(ELF64_R_SYM(r[1].r_info), PRIVATE);
	CHECK_INT(r[1].r_offset, 16);
	root_free(&root);
}

static void cut_anywhere(void)
{
	struct module m = good();
	size_t n;

	begin();
	for (n = 0; n < sizeof(m); n += 13) {
		tap_row("%zu", n);
		CHECK_INT(linked(&m, n), 1);
		CHECK(strstr(said, "klp-link: ") == said);
	}
	root_free(&root);
}

/* What is written over a good module, and what is said then. */
static const struct {
	size_t offset;
	size_t size;
	uint64_t value;
	const char *why;
} damage[] = {
#define SET(_field, _value, _why)						\
	{ offsetof(struct module, _field), sizeof(((struct module *)0)->_field),	\
	  _value, _why }
	SET(head.e_ident[1], 'X', "it is not an ELF file"),
	SET(head.e_ident[EI_CLASS], ELFCLASS32, "it is not a 64-bit"),
	SET(head.e_ident[EI_DATA], ELFDATA2MSB, "it is not a 64-bit"),
	SET(head.e_type, ET_EXEC, "it is not a 64-bit"),
	SET(head.e_shentsize, 40, "its section table is damaged"),
	SET(head.e_shnum, 0, "its section table is damaged"),
	SET(head.e_shnum, 0xffff, "section table: it ends behind"),
	SET(head.e_shstrndx, SECTIONS, "its section table is damaged"),
	SET(head.e_shstrndx, NONE, "a name lies outside of its table"),
	SET(head.e_shoff, UINT64_MAX - 7, "section table: it ends behind"),
	SET(section[TEXT].sh_size, UINT64_MAX, "section: it ends behind"),
	SET(section[TEXT].sh_offset, UINT64_MAX, "section: it ends behind"),
	SET(section[TEXT].sh_size, sizeof(struct module) / 2, "its sections overlap"),
	SET(section[TEXT].sh_addralign, 8192, "its alignment is more than a page"),
	SET(section[TEXT].sh_name, 1000, "a name lies outside of its table"),
	SET(section[TEXT].sh_type, SHT_SYMTAB, "it has two symbol tables"),
	SET(section[SYMTAB].sh_type, SHT_PROGBITS, "it has no symbol table"),
	SET(section[SYMTAB].sh_link, SECTIONS, "its symbol table is damaged"),
	SET(section[SYMTAB].sh_link, TEXT, "its symbol table is damaged"),
	SET(section[SYMTAB].sh_size, sizeof(Elf64_Sym) - 1, "its symbol table is damaged"),
	SET(section[SYMTAB].sh_size, sizeof(Elf64_Sym), "names a symbol that is not there"),
	SET(section[STRTAB].sh_size, 3, "a name lies outside of its table"),
	SET(sym[PRIVATE].st_name, UINT32_MAX, "a name lies outside of its table"),
	SET(sym[EXPORTED].st_name, 1, "private: it is there twice"),
	SET(sym[HERE].st_shndx, SHN_UNDEF, "here: not exported, and not in the list"),
	SET(section[RELA].sh_link, STRTAB, "its relocations are damaged"),
	SET(section[RELA].sh_info, SECTIONS, "its relocations are damaged"),
	SET(section[RELA].sh_size, sizeof(Elf64_Rela) + 1, "its relocations are damaged"),
	SET(rela[2].r_info, ELF64_R_INFO(SYMBOLS, R_X86_64_64),
	    "names a symbol that is not there"),
#undef SET
};

static void damaged(void)
{
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(damage); i++) {
		struct module m = good();

		tap_row("%zu (%s)", i, damage[i].why);
		memcpy((char *)&m + damage[i].offset, &damage[i].value, damage[i].size);
		CHECK_INT(linked(&m, sizeof(m)), 1);
		CHECK(strstr(said, damage[i].why));
	}
	root_free(&root);
}

TAP_MAIN({ "what is listed becomes a livepatch symbol", becomes_livepatch },
	 { "a module that is cut anywhere is refused", cut_anywhere },
	 { "what is damaged is refused, with the reason", damaged })
