# logclass. `make` builds build/release/logclass, `make test` runs every test, `make help` lists the rest.
MODE    ?= release
B       := build/$(MODE)
DEPS    := build/deps
MODEL   ?= models/all-MiniLM-L6-v2
PREFIX  ?= /usr/local
DESTDIR ?=
PKGS    := libhs libcurl libxxhash sqlite3 libzstd zlib liblzma rdkafka

ifeq ($(origin CC),default)
  CC := gcc
endif
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings \
           -Wconversion -Wundef -Wswitch-enum -Werror
HARDEN  := -fPIC -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection -fcf-protection
LINK    := -pie -Wl,-z,relro,-z,now
# What is built says nothing of where, when and under which locale it was built: tests/package/same_bytes_test.py.
HERE    := -ffile-prefix-map=$(CURDIR)=.
ENCODER := $(shell cat $(sort $(wildcard src/kern/*.[ch])) $(sort $(wildcard src/encoder/*.[ch])) | sha256sum | cut -c1-16)
VERSION := $(shell cat VERSION)
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

ifeq ($(MODE),release)
  OPT := -O2 -g -D_FORTIFY_SOURCE=3
else ifeq ($(MODE),asan)
  OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(MODE),tsan)
  OPT := -O1 -g -fsanitize=thread
else ifeq ($(MODE),fuzz)
  CC  := clang
  OPT := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else
  $(error MODE is $(MODE): expected release, asan, tsan or fuzz)
endif

CPPFLAGS += -Isrc -I$(B)/gen -isystem $(DEPS) -D_GNU_SOURCE $(filter-out -I/usr/include,$(shell pkg-config --cflags $(PKGS)))
CFLAGS   += -std=c17 $(OPT) $(HERE) $(HARDEN) $(WARN) -pthread
LDFLAGS  += $(OPT) $(LINK) -pthread
LDLIBS   += $(shell pkg-config --libs $(PKGS)) -lbz2 -lsnappy -lm

SRC   := $(filter-out src/main.c %_test.c,$(wildcard src/*/*.c))
FUZZ  ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTS := $(patsubst src/%.c,$(B)/%,$(wildcard src/*/*_test.c)) $(FUZZ:%=$(B)/fuzz/%_test)
ifneq ($(shell pkg-config --exists libpcre2-8 && echo yes),yes)
  TESTS := $(filter-out %/differential_test,$(TESTS))
endif
ifeq ($(MODE),tsan) # folders whose sources know no thread have no races
  TESTS := $(filter-out $(addsuffix /%,$(addprefix $(B)/,text kern data conf rules fuzz)),$(TESTS))
endif
VEND  := $(patsubst %,$(B)/deps/%.o,yyjson http api llhttp)
OBJ   := $(SRC:src/%.c=$(B)/%.o) $(B)/api/page_files.o $(VEND)
LIB   := $(B)/liblogclass.a
SO    := liblogclass.so.$(VERSION)
SONAME := liblogclass.so.$(firstword $(subst ., ,$(VERSION)))

.PHONY: all model test unit e2e fault fault-asan valgrind fuzz fuzz-run lint format install uninstall wheel deb sbom try-packages clean help head check-import FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/logclass $(B)/$(SO) model   ## the binary, the library and the model (default)

$(B)/logclass: $(B)/main.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(OBJ)
	rm -f $@ && $(AR) rcs $@ $^

# The same objects as a library: the linker takes what the public functions need from the archive, and hides the rest. A thread
# that ends later may still call a destructor of it, so it stays loaded.
$(B)/$(SO): $(B)/lib/logclass.o $(LIB) src/lib/logclass.map
	$(CC) $(filter-out -pie,$(LDFLAGS)) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=src/lib/logclass.map \
	    -Wl,--as-needed -Wl,-z,defs,-z,nodelete -o $@ $(B)/lib/logclass.o $(LIB) $(LDLIBS)
	ln -sf $(SO) $(B)/$(SONAME) && ln -sf $(SONAME) $(B)/liblogclass.so

# One test compares Hyperscan with PCRE2; where PCRE2 is missing, that test alone is left out.
$(B)/rules/differential_test: LDLIBS += -lpcre2-8
$(B)/%_test: $(B)/%_test.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A fuzz target twice: under libFuzzer (MODE=fuzz), and as a test that replays its corpus.
$(B)/fuzz/%: $(B)/fuzz/fuzz_%.o $(LIB)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
$(B)/fuzz/%_test: $(B)/fuzz/fuzz_%.o $(B)/fuzz/replay.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/fuzz/%.o: tests/fuzz/%.c Makefile | $(DEPS)/yyjson.c $(B)/gen/build_info.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Instruction sets: a file's name says what it may use; only the kernel table, after asking the CPU, calls into it.
$(B)/%avx2.o: ISA := -mavx2 -mfma -mf16c
$(B)/%avxvnni.o: ISA := -mavx2 -mfma -mf16c -mavxvnni
$(B)/%avx512.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
$(B)/%avx512vnni.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma
$(B)/%amx.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mamx-tile -mamx-int8 -mfma

ifeq ($(MODE),fuzz) # no input's bytes get there, and sanitized they take minutes to compile
$(B)/kern/%.o: OPT := -O1 -g
endif

$(B)/%.o: src/%.c Makefile | $(DEPS)/yyjson.c $(B)/gen/build_info.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ISA) -MMD -MP -c -o $@ $<

# The page's files, embedded as they are and compressed.
WEB := $(wildcard web/*)
$(B)/web/%.gz: web/%
	@mkdir -p $(@D)
	gzip -9nc $< > $@
$(B)/api/page_files.o: src/api/page_files.S src/api/asset.def Makefile $(WEB) $(WEB:%=$(B)/%.gz)
	@mkdir -p $(@D)
	$(CC) -Isrc $(HARDEN) -Wa,-Iweb,-I$(B)/web -c -o $@ $<

$(B)/deps/%.o: | $(DEPS)/yyjson.c
	@mkdir -p $(@D)
	$(CC) -isystem $(DEPS) -std=c17 $(OPT) $(HERE) $(HARDEN) -w -c -o $@ $(DEPS)/$*.c

$(B)/gen/build_info.h: FORCE
	@mkdir -p $(@D)
	@printf '#define BUILD_%s "%s"\n' VERSION '$(VERSION)' COMMIT '$(COMMIT)' MODE '$(MODE)' ENCODER '$(ENCODER)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

$(DEPS)/yyjson.c: scripts/fetch
	scripts/fetch deps $(DEPS)
	@touch $@

model: $(MODEL)/model.safetensors    ## fetch the encoder's weights (91 MB)
$(MODEL)/model.safetensors: scripts/fetch
	scripts/fetch model $(MODEL)
	@touch $@

test: unit e2e                       ## every test: unit, golden, e2e
unit: $(TESTS) $(B)/logclass model
	scripts/run-tests $(B) $(TESTS)
e2e: $(B)/logclass model
	scripts/run-e2e $(B)/logclass

FUZZ_SECONDS ?= 60
fuzz: model                          ## libFuzzer on each target (FUZZ="stream config", FUZZ_SECONDS=60), several at a time
	$(MAKE) -s MODE=fuzz FUZZ='$(FUZZ)' fuzz-run
fuzz-run: $(FUZZ:%=$(B)/fuzz/%)
	scripts/run-fuzz $(FUZZ_SECONDS) $^

fault: $(B)/logclass model            ## the n-th malloc, read, write, … fails: a sample; FAULT=--long: all of them (hours)
	python3 tests/fault/fault.py $(B)/logclass $(FAULT)
fault-asan:                           ## the same with AddressSanitizer, for the calls of the program itself
	$(MAKE) -s MODE=asan build/asan/logclass-fault model
	python3 tests/fault/fault.py build/asan/logclass-fault $(FAULT)

# With what makes calls fail as a part of it, since nothing can be preloaded before AddressSanitizer.
FAULTY := malloc calloc realloc aligned_alloc posix_memalign read __read_chk pread pread64 __pread_chk __pread64_chk write pwrite pwrite64 \
          fsync fdatasync rename mmap mmap64 connect pthread_create _exit main
$(B)/fault_shim.o: tests/fault/shim.c Makefile
	$(CC) -O1 -g -fPIC -DFAULT_LINKED -c -o $@ $<
$(B)/logclass-fault: $(B)/main.o $(LIB) $(B)/fault_shim.o
	$(CC) $(LDFLAGS) $(FAULTY:%=-Wl,--wrap=%) -o $@ $^ $(LDLIBS)

valgrind: $(B)/kern/kern_test        ## the kernels under valgrind (those that it can run)
	CHECK_VALGRIND=1 valgrind -q --error-exitcode=1 $<

head: $(B)/logclass model             ## train data/head.json and data/head-ops.json anew from data/corpus
	$(B)/logclass train data/corpus --labels ops --class-weight root --folds 0 --rows-per-template 2 --l2 1 \
	    --temperature 1.15 --vectors $(B)/head.vectors --out data/head-ops.json --folded data/head.json

check-import: $(B)/logclass model     ## scripts/import-sklearn beside scikit-learn itself (installs it in build/)
	scripts/check-import

SHARE := $(DESTDIR)$(PREFIX)/share
# Debian's fish looks into /usr/local only where XDG_DATA_DIRS says so.
FISH  := $(if $(filter /usr/local,$(PREFIX)),$(DESTDIR)/etc/fish/completions,$(SHARE)/fish/vendor_completions.d)
# Debian's packages say /usr/lib/ARCHITECTURE.
LIBDIR := $(PREFIX)/lib
FILL   := sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|'
install: all                         ## binary, library, data, model, man pages and completions under $(DESTDIR)$(PREFIX)
	install -Dm755 $(B)/logclass $(DESTDIR)$(PREFIX)/bin/logclass
	install -d $(SHARE)/logclass/model $(SHARE)/logclass/corpus $(SHARE)/man/man1 $(SHARE)/man/man3 $(SHARE)/man/man5 $(DESTDIR)$(LIBDIR)/pkgconfig
	install -Dm755 scripts/import-sklearn $(DESTDIR)$(PREFIX)/bin/logclass-import-sklearn
	install -m644 data/rules.conf data/head.json data/head-ops.json data/adapter.safetensors $(SHARE)/logclass
	cp -r --no-preserve=mode $(MODEL)/. $(SHARE)/logclass/model
	rm -f $(SHARE)/logclass/model/packed-*.bin # were made for this CPU
	cp -r --no-preserve=mode data/corpus/. $(SHARE)/logclass/corpus
	scripts/make-man $(B)/logclass | gzip -9n > $(SHARE)/man/man1/logclass.1.gz
	scripts/make-man $(B)/logclass conf | gzip -9n > $(SHARE)/man/man5/logclass.conf.5.gz
	scripts/make-man $(B)/logclass import-sklearn | gzip -9n > $(SHARE)/man/man1/logclass-import-sklearn.1.gz
	install -Dm644 data/completions/logclass.bash $(SHARE)/bash-completion/completions/logclass
	install -Dm644 data/completions/_logclass $(SHARE)/zsh/site-functions/_logclass
	install -Dm644 data/completions/logclass.fish $(FISH)/logclass.fish
	install -m644 $(B)/$(SO) $(DESTDIR)$(LIBDIR)
	ln -sf $(SO) $(DESTDIR)$(LIBDIR)/$(SONAME) && ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/liblogclass.so
	install -Dm644 src/lib/logclass.h $(DESTDIR)$(PREFIX)/include/logclass.h
	$(FILL) src/lib/logclass.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/logclass.pc
	$(FILL) src/lib/logclass.3 | gzip -9n > $(SHARE)/man/man3/logclass.3.gz

uninstall:                           ## removes what install put there
	rm -rf $(DESTDIR)$(PREFIX)/bin/logclass $(DESTDIR)$(PREFIX)/bin/logclass-import-sklearn $(SHARE)/logclass \
	    $(SHARE)/man/man1/logclass.1.gz $(SHARE)/man/man5/logclass.conf.5.gz $(SHARE)/man/man1/logclass-import-sklearn.1.gz \
	    $(SHARE)/bash-completion/completions/logclass $(SHARE)/zsh/site-functions/_logclass \
	    $(FISH)/logclass.fish $(DESTDIR)$(LIBDIR)/liblogclass.so* $(DESTDIR)$(LIBDIR)/pkgconfig/logclass.pc \
	    $(DESTDIR)$(PREFIX)/include/logclass.h $(SHARE)/man/man3/logclass.3.gz

wheel: $(B)/$(SO) model              ## the Python package, as build/release/logclass-VERSION-….whl
	cd python && python3 -c 'import backend; print(backend.build_wheel("../build/release"))'

deb:                                 ## Debian packages in build/deb (needs scripts/install-debian --package)
	scripts/make-deb build/deb

sbom: $(B)/logclass model            ## bill of materials of the binary, SPDX: build/logclass.spdx.json
	scripts/make-sbom $(B)/logclass > build/logclass.spdx.json

try-packages: $(B)/logclass model    ## packages in a bare Debian, the same bytes twice, chart, bill of materials, image (root; --dev --package)
	LANES=1 scripts/run-e2e $(B)/logclass tests/package 3000
	rm -rf build/docker && scripts/try-dockerfile

lint:                                ## format, layers, symbols, sizes, banned calls, docs
	scripts/lint

format:                              ## clang-format in place
	clang-format -i $(wildcard src/*/*.[ch] src/*.c python/*.c)

clean:                               ## remove build/
	rm -rf build

help:                                ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1 \t/p' Makefile

-include $(shell find $(B) -name '*.d' 2>/dev/null)
