# The laboratory's commands. Each is a script under lab/ that can be run by itself;
# here they only get their tools installed and their variables passed on.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export BASE BUILD CONFIG EXTRA_CONFIG FROM OUT TO TREE

# A variable that was not given is not passed on as an empty one.
$(foreach v,BASE BUILD CONFIG EXTRA_CONFIG FROM OUT TO TREE,$(if $($v),,$(eval unexport $v)))

targets := help demo check kernel stock tree export port series-check deb bench tables
.PHONY: $(targets)

help:
	@echo 'make demo          the main job: a TPM-sealed volume over five boots, and where its key is in memory   [INTEGRITY=1]'
	@echo 'make check         all tests; the last line says N passed, N failed, N skipped   [BASE="6.12 7.3"]'
	@echo 'make kernel        the patched kernel; its image is the last line   [BASE=] [EXTRA_CONFIG=fragment] [OUT=dir]'
	@echo 'make stock         the untouched kernel, in the same way            [BASE=] [EXTRA_CONFIG=fragment] [OUT=dir]'
	@echo 'make tree          base and series as git commits to work in        [BASE=] [TREE=dir]'
	@echo 'make export        from that tree: patches, BASE and the view       [BASE=] [TREE=dir]'
	@echo 'make port          what is new on one base carried over to the other  FROM=7.3 TO=6.12'
	@echo 'make series-check  patches and view in step with each other, in seconds'
	@echo 'make deb           installable packages of the patched kernel       [BASE=] [CONFIG=file]'
	@echo 'make bench         what loading a table costs, in instructions, and a trusted key, in TPM commands   [BASE=]'
	@echo 'make tables        the tables of README.md anew, from what make check counted'

demo:
	@lab/install.sh base demo
	@lab/demo.sh $(if $(INTEGRITY),--integrity)

check:
	@lab/install.sh base demo check deb
	@lab/check.sh

kernel:
	@lab/install.sh base
	@lab/kernel.sh patched

stock:
	@lab/install.sh base
	@lab/kernel.sh stock

tree:
	@lab/install.sh base
	@lab/tree.sh

export:
	@lab/export.sh

port:
	@lab/install.sh base
	@lab/port.sh

series-check:
	@lab/series-check.sh

deb:
	@lab/install.sh base deb
	@lab/deb.sh

bench:
	@lab/install.sh base demo
	@lab/bench.sh

tables:
	@lab/tables.sh
