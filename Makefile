# Builds, runs and tests ngx_http_triggers_module.  "make help" lists the
# targets; everything that is made lies under build/.
#
# The module is built against the headers of the installed nginx (Debian's
# package nginx-dev), or, with NGINX_SRC=DIR, against a source tree of nginx,
# which is then built too.  Neither tree is written to: nginx's own build
# script runs in a folder of symbolic links to it.

.DEFAULT_GOAL := module
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:

MODULE := ngx_http_triggers_module
SO     := build/$(MODULE).so

# what a user may set

NGINX_SRC ?=
PORT      ?= 8080
DIR       ?= build/run
JOBS      ?= $(shell nproc)
DESTDIR   ?=

CC        ?= cc
OPTIMIZE  ?= -g -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2
WARNINGS  := -Wall -Wextra -Wpointer-arith -Werror
HARDEN    := -Wl,-z,relro -Wl,-z,now

FUZZ_SECONDS ?= 20


# The nginx to build for.  Every tree has its own folder, so that switching
# between them builds nothing twice.

ifeq ($(NGINX_SRC),)
    HEADERS := /usr/share/nginx/src
    TREE    := build/nginx
    NGINX_BIN ?= /usr/sbin/nginx
else
    HEADERS := $(abspath $(NGINX_SRC))
    TREE    := build/nginx-$(notdir $(HEADERS))
    NGINX_BIN := $(abspath $(TREE)/objs/nginx)
endif

OBJS     := $(TREE)/objs
ASAN     := $(TREE)/objs-asan
ASAN_SO  := build/asan/$(MODULE).so
MAKEFILE := $(firstword $(MAKEFILE_LIST))
SQL      := sql/embed.sh $(wildcard sql/*.sql)
LOGS_SQL := sql/embed.sh $(wildcard sql/logs/*.sql)
SANITIZE := -fsanitize=address,undefined -fno-omit-frame-pointer

# of a tree of the user's, which is built with what the tests need

NGINX_OPTIONS ?= --with-compat --with-debug --with-threads \
                 --with-http_ssl_module --with-http_v2_module \
                 --with-http_realip_module --with-http_stub_status_module


# Packages of Debian, by what needs them.  npm is asked for by its command:
# it may have come with another package of node.

RUN_PACKAGES  := gcc libc6-dev make nginx nginx-dev libsqlite3-dev \
                 libjansson-dev libcurl4-openssl-dev libssl-dev zlib1g-dev curl \
                 ca-certificates
TEST_PACKAGES := perl libtest-base-perl sqlite3 valgrind clang libclang-rt-dev
TEST_PACKAGES += $(if $(shell command -v npm),,npm)
BENCH_PACKAGES := perl sqlite3 wrk

# Packages of npm: real payloads; a client for CloudEvents; what verifies
# signatures of webhooks; the linter of docs/openapi.yaml; what reads that
# document and checks answers against it.

NPM_PACKAGES := @octokit/webhooks-examples@7.6.1 cloudevents@10.0.0 \
                standardwebhooks@1.1.1 svix@2.5.0 \
                @redocly/cli@2.77.0 ajv@8.20.0 ajv-formats@3.0.1 yaml@2.9.1

# the programs of Prometheus: what checks rules, and a server

PROMETHEUS := build/prometheus/usr/bin


.PHONY: help
help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE) \
	    | awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'
	@echo
	@echo "Variables: NGINX_SRC=DIR builds that nginx and the module for it;"
	@echo "PORT=8080 and DIR=build/run belong to run, start and stop;"
	@echo "FUZZ_SECONDS=20, of all targets together, to test-fuzz."


# --- what has to be installed ---

# Installs those packages of $(1) that are missing; $(2) says what for.

define install_packages
missing=; \
for p in $(1); do \
    dpkg-query -W -f '$${Status}' $$p 2>/dev/null \
        | grep -q 'ok installed' || missing="$$missing $$p"; \
done; \
if [ -n "$$missing" ]; then \
    echo "== installing what is missing to $(2):$$missing"; \
    sudo=; \
    if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
    $$sudo apt-get -qq update \
    && $$sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install $$missing; \
else \
    echo "== packages to $(2): all installed"; \
fi
endef

.PHONY: deps deps-run deps-test deps-bench
deps: deps-run deps-test ## installs what is missing to build, run and test

deps-run:
	@$(call install_packages,$(RUN_PACKAGES),build and run)

deps-test: build/node_modules $(PROMETHEUS)/promtool
	@$(call install_packages,$(TEST_PACKAGES),test)

deps-bench:
	@$(call install_packages,$(BENCH_PACKAGES),measure)

# installed again when the list has changed

build/node_modules: FORCE
	@[ "$$(cat $@/.packages 2>/dev/null)" = "$(NPM_PACKAGES)" ] \
	    || { $(call install_npm); }

define install_npm
$(call install_packages,$(TEST_PACKAGES),test); \
echo "== npm: $(NPM_PACKAGES) into build/node_modules"; \
npm install --prefix build --no-save --no-audit --no-fund \
    --ignore-scripts --loglevel=error $(NPM_PACKAGES) \
&& echo "$(NPM_PACKAGES)" > build/node_modules/.packages
endef

# Debian's package of Prometheus would run a service once installed: it is only
# unpacked here.  A machine may not have the lists of packages yet.

$(PROMETHEUS)/promtool:
	@mkdir -p build/prometheus
	@echo "== Debian's prometheus into build/prometheus"
	@cd build/prometheus; \
	download='apt-get -qq -o APT::Sandbox::User=root download prometheus'; \
	sudo=; \
	if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	$$download 2>/dev/null || { $$sudo apt-get -qq update && $$download; } \
	&& dpkg -x prometheus_*.deb . && rm prometheus_*.deb && touch usr/bin/*


# --- the module ---

.PHONY: module FORCE
module: $(SO) ## builds build/ngx_http_triggers_module.so (the default)

# What configure depends on and make cannot see: the nginx itself.

$(TREE)/flags: FORCE
	@if [ ! -e $(HEADERS)/src/core/nginx.h ]; then \
	    echo "$(HEADERS): no sources of nginx here."; \
	    echo "Type \"make deps\" (Debian's nginx-dev), or name" \
	         "a source tree: make NGINX_SRC=DIR"; \
	    exit 1; \
	fi
	@mkdir -p $(TREE)
	@{ $(nginx_options) echo "$$*"; \
	   grep 'define NGINX_VERSION' $(HEADERS)/src/core/nginx.h; } > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Sets "$@" of the shell to the options nginx is configured with.  Of an
# installed one they are its own, so that its signature is met, without
# compiler flags and the modules it loads, whose libraries need not be here.

ifeq ($(NGINX_SRC),)
define nginx_options
eval "set -- $$($(NGINX_BIN) -V 2>&1 | sed -n 's/^configure arguments: //p')"; \
for o; do \
    shift; \
    case $$o in \
        --with-cc-opt=* | --with-ld-opt=* | *=dynamic | --add-*) ;; \
        *) set -- "$$@" "$$o" ;; \
    esac; \
done;
endef
else
define nginx_options
set -- $(NGINX_OPTIONS);
endef
endif

# Configures in the folder of links: $(1) is the build folder, $(2) the
# compiler's flags, $(3) the linker's.

define configure
@echo "== configuring $(TREE)/$(1)"
@for f in $(HEADERS)/*; do \
    case $${f##*/} in \
        objs | Makefile) ;; \
        *) ln -sfn "$$f" $(TREE)/ ;; \
    esac; \
done
@$(nginx_options) cd $(TREE) || exit 1; \
configure=./configure; \
[ -e configure ] || configure=auto/configure; \
ASAN_OPTIONS=detect_leaks=0 sh $$configure "$$@" --builddir=$(1) \
    --with-cc-opt='$(WARNINGS) $(2)' --with-ld-opt='$(3)' \
    --add-dynamic-module='$(CURDIR)' > $(1).log 2>&1 \
    || { tail -n 20 $(1).log; exit 1; }
endef

$(OBJS)/Makefile: config $(TREE)/flags
	$(call configure,objs,$(OPTIMIZE) -fPIC,$(HARDEN))
	@touch $@

$(ASAN)/Makefile: config $(TREE)/flags
	$(call configure,objs-asan,-g -O1 $(SANITIZE) -fPIC,$(SANITIZE))
	@touch $@

# configure has made these headers once; here they follow what is in them

MIGRATIONS := ngx_triggers_migrations.h ngx_triggers_logs_migrations.h
EMBEDDED := $(MIGRATIONS) ngx_http_triggers_openapi.h

%/ngx_triggers_migrations.h: $(SQL) %/Makefile
	sh sql/embed.sh $(basename $(@F)) $(sort $(filter %.sql,$^)) > $@

%/ngx_triggers_logs_migrations.h: $(LOGS_SQL) %/Makefile
	sh sql/embed.sh $(basename $(@F)) $(sort $(filter %.sql,$^)) > $@

%/ngx_http_triggers_openapi.h: docs/embed.sh docs/openapi.yaml %/Makefile
	sh docs/embed.sh docs/openapi.yaml > $@

# nginx's makefile knows our headers; it is always asked.  The result is
# moved into place, since a running nginx may have the old file mapped.

$(SO): $(OBJS)/Makefile $(addprefix $(OBJS)/,$(EMBEDDED)) FORCE
	@$(MAKE) --no-print-directory -j$(JOBS) -C $(TREE) -f objs/Makefile \
	    $(if $(NGINX_SRC),binary) modules
	@cmp -s $(OBJS)/$(MODULE).so $@ \
	    || { cp $(OBJS)/$(MODULE).so $@.new && mv $@.new $@; }
	@echo "== $@ is built for $$($(NGINX_BIN) -v 2>&1)"

$(ASAN_SO): $(ASAN)/Makefile $(addprefix $(ASAN)/,$(EMBEDDED)) FORCE
	@mkdir -p $(@D)
	@$(MAKE) --no-print-directory -j$(JOBS) -C $(TREE) \
	    -f objs-asan/Makefile modules
	@cmp -s $(ASAN)/$(MODULE).so $@ || cp $(ASAN)/$(MODULE).so $@

.PHONY: install
install: $(SO) ## puts the module where nginx looks for modules
	@set -e; \
	$(nginx_options) \
	dir=; \
	for o; do \
	    case $$o in --modules-path=*) dir=$${o#*=} ;; esac; \
	done; \
	: $${dir:=/usr/lib/nginx/modules}; \
	install -D -m 644 $(SO) "$(DESTDIR)$$dir/$(MODULE).so"; \
	echo "== installed $(DESTDIR)$$dir/$(MODULE).so"; \
	echo "To load it, put this at the top of nginx.conf:"; \
	echo; \
	echo "    load_module modules/$(MODULE).so;"

.PHONY: clean
clean: ## removes build/ (stop a running nginx first)
	rm -rf build


# --- a private nginx ---

RUN := $(abspath $(DIR))

# The example configuration, moved into DIR.  Workers of root stay root here:
# nobody else can be relied on to reach into a checkout.

define run_config
mkdir -p $(RUN)/data $(RUN)/logs $(RUN)/temp; \
[ "$$(id -u)" = 0 ] && user='user root;' || user=; \
sed -e 's|^user .*|'"$$user"'|' \
    -e 's|^load_module .*|load_module $(abspath $(SO));|' \
    -e 's|/run/nginx.pid|$(RUN)/nginx.pid|' \
    -e 's|/var/log/nginx/|$(RUN)/logs/|' \
    -e 's|/var/lib/nginx/triggers/|$(RUN)/data/|' \
    -e 's|listen  *80;|listen 127.0.0.1:$(PORT);|' \
    -e 's|/var/lib/nginx/|$(RUN)/temp/|' \
    nginx.conf.example > $(RUN)/nginx.conf
endef

# what ends an nginx in the background

STOP := make stop$(if $(filter build/run,$(DIR)),, DIR=$(DIR))

# $(1) says what comes next, $(2) how to end it

define run_hint
key=$$(sed -n 's/^ *triggers_key *"\([^"]*\)".*/\1/p' $(RUN)/nginx.conf); \
echo "== $(1) on http://127.0.0.1:$(PORT), files in $(DIR); $(2)"; \
echo "Post an event, then look into the inbox:"; \
echo; \
echo "curl -H 'Authorization: Bearer $$key'" \
     "-d '{\"event_type\":\"order.created\",\"payload\":{\"order\":1}}'" \
     "-H 'Content-Type: application/json'" \
     "http://127.0.0.1:$(PORT)/events"; \
echo; \
echo "curl -H 'Authorization: Bearer $$key' http://127.0.0.1:$(PORT)/inbox"; \
echo
endef

RUN_NGINX = $(NGINX_BIN) -p $(RUN)/ -e $(RUN)/logs/error.log \
            -c $(RUN)/nginx.conf

# Sets "pid" of the shell, to nothing if no nginx runs in DIR.  The number may
# be another process's by now, or that of a killed one nobody has waited for.

define run_pid
pid=$$(cat $(RUN)/nginx.pid 2>/dev/null); \
grep -aqs 'nginx: master .*$(RUN)/' /proc/$$pid/cmdline || pid=
endef

define run_check
$(run_pid); \
if [ -n "$$pid" ]; then \
    echo "nginx runs already in $(DIR): \"$(STOP)\" ends it"; \
    exit 1; \
fi
endef

.PHONY: run start stop
run: deps-run ## builds and runs a private nginx in the foreground
	@$(MAKE) --no-print-directory $(SO)
	@$(run_check)
	@$(run_config)
	@$(RUN_NGINX) -q -t
	@$(call run_hint,nginx runs,Ctrl-C ends it)
	@exec $(RUN_NGINX) -g 'daemon off; error_log stderr notice;'

start: deps-run ## as run, but in the background
	@$(MAKE) --no-print-directory $(SO)
	@$(run_check)
	@$(run_config)
	@$(RUN_NGINX)
	@$(call run_hint,nginx runs,\"$(STOP)\" ends it)

stop: ## ends the nginx of start, its answers finished
	@$(run_pid); \
	if [ -z "$$pid" ]; then \
	    echo "no nginx runs in $(DIR)"; \
	    exit 0; \
	fi; \
	echo "== stopping nginx ($$pid) in $(DIR)"; \
	kill -QUIT $$pid || exit 1; \
	for i in $$(seq 100); do \
	    [ -e $(RUN)/nginx.pid ] || exit 0; \
	    sleep 0.1; \
	done; \
	echo "it still answers: kill -TERM $$pid cuts its connections"; \
	exit 1


# --- tests ---

# Every suite runs, also after one has failed.

SUITES := docs unit fuzz behaviour monitoring fault asan valgrind

.PHONY: test
test: deps-run deps-test ## runs every test (less than 15 minutes)
	@passed=0; failed=; \
	for s in $(SUITES); do \
	    echo; \
	    echo "== make test-$$s"; \
	    start=$$(date +%s); \
	    if $(MAKE) --no-print-directory -j2 test-$$s; \
	    then \
	        passed=$$((passed + 1)); \
	        r=passed; \
	    else \
	        failed="$$failed $$s"; \
	        r=FAILED; \
	    fi; \
	    echo "== test-$$s: $$r in $$(($$(date +%s) - start)) seconds"; \
	done; \
	set -- $$failed; \
	echo; \
	echo "suites: $$passed passed, $$# failed$${failed:+:$$failed}"; \
	[ $$# -eq 0 ]

TEST_ENV = TRIGGERS_NGINX=$(NGINX_BIN) TRIGGERS_MODULE=$(abspath $(SO))
ASAN_ENV = TRIGGERS_NGINX=$(NGINX_BIN) TRIGGERS_MODULE=$(abspath $(ASAN_SO)) \
           TRIGGERS_ASAN=1

# the description of the API, by the rules in docs/redocly.yaml

REDOCLY = REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
          build/node_modules/.bin/redocly

.PHONY: test-docs
test-docs: build/node_modules ## lints docs/openapi.yaml
	$(REDOCLY) lint --config docs/redocly.yaml --max-problems 1000 \
	    docs/openapi.yaml

# C unit tests: t/unit/NAME.c with t/unit/unit.c and the sources they name
# here, under AddressSanitizer and UndefinedBehaviorSanitizer.

UNIT_decode := t/unit/core.c src/api/ngx_http_triggers_decode.c \
               src/api/ngx_triggers_json.c
UNIT_args   := t/unit/core.c src/api/ngx_triggers_args.c \
               src/api/ngx_triggers_time.c
UNIT_json   := src/api/ngx_triggers_json.c
UNIT_uuid   := src/api/ngx_triggers_uuid.c
UNIT_time   := src/api/ngx_triggers_time.c
UNIT_clock  := src/zone/ngx_triggers_clock.c
UNIT_trace  := t/unit/core.c src/api/ngx_triggers_trace.c
UNIT_ring   := src/zone/ngx_triggers_ring.c
UNIT_record := src/zone/ngx_triggers_record.c
UNIT_feed   := t/unit/core.c src/zone/ngx_triggers_feed.c $(UNIT_clock)
UNIT_rate   := src/zone/ngx_triggers_rate.c
UNIT_meters := src/zone/ngx_triggers_meters.c
UNIT_metrics := src/zone/ngx_triggers_metrics.c $(UNIT_meters) $(UNIT_clock)
UNIT_accept := t/unit/core.c src/api/ngx_http_triggers_accept.c
UNIT_cloudevent := t/unit/core.c src/api/ngx_http_triggers_attribute.c \
                   $(wildcard src/api/ngx_http_triggers_cloudevent*.c) \
                   src/api/ngx_triggers_text.c $(UNIT_json) $(UNIT_uuid) \
                   $(UNIT_time)
UNIT_message := $(wildcard src/api/ngx_http_triggers_message*.c) \
                $(UNIT_cloudevent)
UNIT_log_json := t/unit/core.c src/api/ngx_http_triggers_log_json.c \
                 src/api/ngx_http_triggers_event_json.c \
                 src/api/ngx_triggers_text.c $(UNIT_json) $(UNIT_uuid) \
                 $(UNIT_time)
UNIT_keys_table := src/zone/ngx_triggers_keys.c
UNIT_idempotency_key := t/unit/core.c \
                        src/api/ngx_http_triggers_idempotency.c \
                        src/api/ngx_triggers_sha256.c
UNIT_key_text := t/unit/core.c src/api/ngx_http_triggers_keys.c \
                 src/api/ngx_triggers_sha256.c
UNIT_address  := t/unit/core.c src/zone/ngx_triggers_networks.c \
                 src/pipeline/ngx_triggers_address.c
UNIT_breaker  := src/pipeline/ngx_triggers_breaker.c
UNIT_sender   := src/pipeline/ngx_triggers_sender.c $(UNIT_address) \
                 $(UNIT_clock)
UNIT_signature := t/unit/core.c src/pipeline/ngx_triggers_signature.c
UNIT_push      := $(wildcard src/pipeline/ngx_triggers_endpoint*.c) \
                  src/pipeline/ngx_triggers_push.c $(UNIT_breaker) \
                  $(UNIT_metrics) $(UNIT_sender) $(UNIT_signature)
UNIT_networks := t/unit/core.c src/zone/ngx_triggers_networks.c
UNIT_store  := t/unit/core.c $(wildcard src/store/sqlite/*.c) $(UNIT_clock)
UNIT_logs   := $(UNIT_store)
UNIT_history := src/zone/ngx_triggers_history.c $(UNIT_ring) $(UNIT_metrics) \
                $(UNIT_store)
UNIT_store_read  := $(UNIT_store)
UNIT_store_fault := $(UNIT_store)
UNIT_idempotency := $(UNIT_store)
UNIT_store_keys  := $(UNIT_store)
UNIT_store_backup := $(UNIT_store)
UNIT_deliveries := $(UNIT_store)
UNIT_lease  := $(UNIT_store)
UNIT_retention := $(UNIT_store)
UNIT_watch  := t/unit/core.c src/zone/ngx_triggers_feed.c \
               src/pipeline/ngx_triggers_drainer_feed.c $(UNIT_store)

.PRECIOUS: build/unit/%.o

UNIT_TESTS := $(patsubst t/unit/%.c,build/unit/%.t, \
                  $(filter-out t/unit/unit.c t/unit/core.c, \
                      $(wildcard t/unit/*.c)))

OUR_HEADERS := $(wildcard src/*.h src/*/*.h src/*/*/*.h t/unit/*.h)

UNIT_INCS := $(addprefix -I$(TREE)/, \
                 src/core src/event src/event/modules src/os/unix src/http \
                 src/http/modules src/http/v2 objs) \
             $(addprefix -I, src src/api src/zone src/pipeline src/store \
                 src/store/sqlite t/unit)
UNIT_LIBS := -lsqlite3 -ljansson -lcurl -lcrypto -lpthread
UNIT_CC    = $(CC) -g -O1 $(WARNINGS) $(UNIT_INCS)

# commands of a line each, and of which "make V=1" shows all

Q := $(if $(V),,@)

UNIT_OBJS  = $(patsubst %.c,build/unit/%.o,$(1))

.SECONDEXPANSION:

# most sources are wanted by several tests, and compiled once

build/unit/%.o: %.c $(OUR_HEADERS) $(addprefix $(OBJS)/,$(MIGRATIONS))
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(UNIT_CC) $(SANITIZE) -c -o $@ $<

build/unit/%.t: build/unit/t/unit/%.o build/unit/t/unit/unit.o \
        $$(call UNIT_OBJS,$$(UNIT_%))
	@echo "cc $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $(filter %.o,$^) $(UNIT_LIBS)

# but for the one that wants limits of its own

build/unit/idempotency_model.t: t/unit/idempotency_model.c t/unit/unit.c \
        $(UNIT_store) $(OUR_HEADERS) $(addprefix $(OBJS)/,$(MIGRATIONS))
	@echo "cc $@"
	$(Q)$(UNIT_CC) $(SANITIZE) -DNGX_TRIGGERS_SQLITE_SLICE=64 \
	    -DNGX_TRIGGERS_SQLITE_TAIL_FULL=128 -DNGX_TRIGGERS_SQLITE_STEP=8 \
	    -DNGX_TRIGGERS_SQLITE_SWEEP=16 -DNGX_TRIGGERS_SQLITE_EXPIRE=32 \
	    -o $@ $(filter %.c,$^) $(UNIT_LIBS)

# what is shared by threads: ThreadSanitizer looks at these tests too

TSAN_TESTS := $(patsubst %,build/unit/%_tsan.t,ring feed rate keys_table \
                  meters metrics)

build/unit/%_tsan.t: t/unit/%.c t/unit/unit.c $$(UNIT_%) $(OUR_HEADERS) \
        $(addprefix $(OBJS)/,$(MIGRATIONS))
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(UNIT_CC) -fsanitize=thread -o $@ $(filter %.c,$^) $(UNIT_LIBS)

.PHONY: test-unit
test-unit: $(UNIT_TESTS) $(TSAN_TESTS) ## C unit tests
	prove -j2 --exec '' $^


# nginx itself: blocks and scripts, t/*.t and t/script/*.t

.PHONY: test-behaviour test-fault test-asan test-valgrind test-monitoring
test-behaviour: $(SO) build/node_modules ## the behaviour of the module
	$(TEST_ENV) t/run -j2

test-fault: $(SO) ## crashes, reloads, locked and full disks under load
	$(TEST_ENV) t/run -j2 t/fault

test-asan: $(ASAN_SO) build/node_modules ## test-behaviour with sanitizers
	$(ASAN_ENV) t/run -j2

# Blocks start an nginx each, which takes too long here.  "make test" leaves
# those scripts out that take longest.

VALGRIND_LONG := batch delivery_failures history idempotency keys openapi \
                 quit_locked stream
VALGRIND_TESTS = $(filter-out $(VALGRIND_LONG:%=t/script/%.t), \
                     $(sort $(wildcard t/script/*.t)))

test-valgrind: $(SO) build/node_modules ## most scripts of t/ under memcheck
	$(TEST_ENV) TRIGGERS_VALGRIND=1 t/run -j2 $(VALGRIND_TESTS)

.PHONY: valgrind
valgrind: VALGRIND_LONG =
valgrind: test-valgrind ## all of them

PROMETHEUS_ENV = TRIGGERS_PROMETHEUS=$(abspath $(PROMETHEUS))

test-monitoring: $(SO) $(PROMETHEUS)/promtool build/node_modules ## alerts, dashboard
	$(TEST_ENV) $(PROMETHEUS_ENV) t/run t/monitoring

# libFuzzer: t/fuzz/NAME.c with the sources it names here; it mutates the
# corpus, t/fuzz/corpus/NAME, and keeps what it finds under build/.

FUZZ_accept     := src/api/ngx_http_triggers_accept.c
FUZZ_batch      := src/api/ngx_http_triggers_attribute.c \
                   src/api/ngx_http_triggers_decode.c \
                   src/api/ngx_http_triggers_decode_batch.c \
                   $(wildcard src/api/ngx_http_triggers_cloudevent*.c)
FUZZ_cloudevent := src/api/ngx_http_triggers_attribute.c \
                   $(wildcard src/api/ngx_http_triggers_cloudevent*.c)
FUZZ_event      := src/api/ngx_http_triggers_decode.c
FUZZ_idempotency := src/api/ngx_http_triggers_idempotency.c \
                    src/api/ngx_triggers_sha256.c
FUZZ_key        := src/api/ngx_http_triggers_key_body.c \
                   src/api/ngx_http_triggers_keys.c \
                   src/zone/ngx_triggers_networks.c \
                   src/api/ngx_http_triggers_object.c \
                   src/api/ngx_triggers_sha256.c
FUZZ_keys       := src/api/ngx_http_triggers_keys.c \
                   src/api/ngx_triggers_sha256.c
FUZZ_networks   := src/zone/ngx_triggers_networks.c
FUZZ_query      := src/api/ngx_http_triggers_query.c $(UNIT_args)
FUZZ_row        := src/api/ngx_http_triggers_event_json.c
FUZZ_trace      := src/api/ngx_triggers_trace.c
FUZZ_webhook    := src/api/ngx_http_triggers_webhook_body.c \
                   src/api/ngx_http_triggers_endpoint.c \
                   src/api/ngx_http_triggers_object.c \
                   src/pipeline/ngx_triggers_address.c \
                   src/pipeline/ngx_triggers_signature.c \
                   src/zone/ngx_triggers_networks.c

# what all of them are linked with: they are small

FUZZ_COMMON := t/fuzz/fuzz.c t/unit/unit.c t/unit/core.c \
               src/api/ngx_triggers_text.c $(UNIT_json) $(UNIT_time) \
               $(UNIT_uuid)

FUZZ_TARGETS := $(patsubst t/fuzz/%.c,%, \
                    $(filter-out t/fuzz/fuzz.c,$(wildcard t/fuzz/*.c)))

build/fuzz/%: t/fuzz/%.c $(FUZZ_COMMON) $$(FUZZ_%) $(OUR_HEADERS) \
        t/fuzz/fuzz.h $(addprefix $(OBJS)/,$(MIGRATIONS))
	@mkdir -p $(@D)
	@echo "clang $@"
	$(Q)clang -g -O1 $(WARNINGS) $(UNIT_INCS) -It/fuzz \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	    -o $@ $(filter %.c,$^) -ljansson -lcurl -lcrypto

.PHONY: test-fuzz fuzz
test-fuzz: $(FUZZ_TARGETS:%=build/fuzz/%) ## decoders and writers of the API
	@t/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz: FUZZ_SECONDS = 3600
fuzz: test-fuzz ## the same for an hour


# --- benchmarks ---

BENCH_ENV = BENCH_NGINX=$(NGINX_BIN) BENCH_MODULE=$(abspath $(SO))

BENCH_store := t/unit/unit.c $(UNIT_store)
BENCH_json  := t/unit/unit.c $(UNIT_json)
BENCH_retention := t/unit/unit.c $(UNIT_store)

build/bench/%: bench/%.c $$(BENCH_%) $(OUR_HEADERS) \
        $(addprefix $(OBJS)/,$(MIGRATIONS))
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(CC) $(OPTIMIZE) $(WARNINGS) $(UNIT_INCS) -o $@ $(filter %.c,$^) \
	    $(UNIT_LIBS)

.PHONY: bench bench-delivery bench-features bench-keys bench-lease \
        bench-json bench-logs bench-memory bench-processing bench-retention \
        bench-rows bench-whole
bench: deps-bench $(SO) build/bench/fsync ## speed beside nginx's return 200
	@$(BENCH_ENV) bench/run

bench-features: deps-bench $(SO) ## rate limits, idempotency keys, batches
	@$(BENCH_ENV) bench/features

bench-delivery: deps-bench $(SO) ## deliveries beside single events
	@$(BENCH_ENV) bench/delivery

bench-keys: deps-bench $(SO) ## authentication with 100 000 keys beside ten
	@$(BENCH_ENV) bench/keys

bench-processing: deps-bench $(SO) ## leases, pushes and so on, unused
	@$(BENCH_ENV) bench/processing

bench-whole: deps-bench $(SO) ## logs and all the rest, on beside off
	@$(BENCH_ENV) bench/whole

bench-lease: deps-bench $(SO) ## leases in hundreds beside single events
	@$(BENCH_ENV) bench/lease

bench-logs: deps-bench $(SO) ## stored logs beside none
	@$(BENCH_ENV) bench/logs

bench-memory: deps-bench $(SO) ## growth of the workers over 2 million events
	@$(BENCH_ENV) bench/memory

bench-rows: deps-bench $(SO) build/bench/store ## inserts and reads at 10 M rows
	@$(BENCH_ENV) bench/rows

bench-retention: build/bench/retention ## removal of events, the audit
	@mkdir -p build/bench/tmp && build/bench/retention build/bench/tmp

bench-json: build/bench/json ## the JSON validator beside jansson
	build/bench/json
