#include "llm/key.h"

#include "base/check.h"
#include "base/file.h"

#include <sys/stat.h>
#include <sys/prctl.h>
#include <unistd.h>

static char g_dir[] = "/tmp/logclass_key_XXXXXX";
static char g_path[64];

static void key_write_file(const char *text) {
    struct err e = {0};
    if (!g_path[0]) {
        CHECK(mkdtemp(g_dir) != NULL);
        snprintf(g_path, sizeof g_path, "%s/key", g_dir);
    }
    CHECK(file_write(g_path, span_of(text), &e));
    chmod(g_path, 0600);
}

static void a_file_holds_a_key(void) {
    char key[KEY_BYTES_MAX];
    struct err e = {0};
    key_write_file("  canary-123 \nsecond line\n");
    setenv("GROQ_API_KEY", "from-environment", 1);
    CHECK(key_find(g_path, OPENAI_GROQ, "/nowhere", key, &e)); /* the file comes first */
    CHECK_STR(key, "canary-123");
    key_write_file("\n\n");
    CHECK(!key_find(g_path, OPENAI_GROQ, "/nowhere", key, &e) && e.code == ERR_INPUT);
    CHECK(!key_find("/nowhere/key", OPENAI_GROQ, "/nowhere", key, &e) && e.code == ERR_IO);
    static char longer[KEY_BYTES_MAX + 100];
    memset(longer, 'k', sizeof longer - 1);
    key_write_file(longer);
    CHECK(!key_find(g_path, OPENAI_GROQ, "/nowhere", key, &e) && strstr(e.msg, "kkk") == NULL);
    unsetenv("GROQ_API_KEY");
}

static void a_variable_is_for_its_provider_only(void) {
    static const enum openai_dialect OTHERS[] = {OPENAI_AUTO,  OPENAI_OPENAI, OPENAI_VLLM,
                                                 OPENAI_LLAMA, OPENAI_OLLAMA, OPENAI_SERVICE};
    char key[KEY_BYTES_MAX];
    struct err e = {0};
    setenv("GROQ_API_KEY", "canary", 1);
    CHECK(key_find("", OPENAI_GROQ, "/nowhere", key, &e));
    CHECK_STR(key, "canary");
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        CHECK(key_find("", OTHERS[i], "/nowhere", key, &e));
        CHECK_STR(key, "");
    }
    unsetenv("GROQ_API_KEY");
    CHECK(key_find(NULL, OPENAI_GROQ, "/nowhere", key, &e));
    CHECK_STR(key, "");
}

static void an_env_file_is_read_as_usual(void) {
    static const char *const ROW[][2] = {
        {"GROQ_API_KEY=abc\n", "abc"},
        {"# GROQ_API_KEY=no\nOTHER=1\n  export GROQ_API_KEY = x\nGROQ_API_KEY=\"a b\"\r\n", "a b"},
        {"export GROQ_API_KEY='q'", "q"},
        {"GROQ_API_KEY_2=no\nXGROQ_API_KEY=no\nGROQ_API_KEY=\n", ""},
        {"", ""},
    };
    char key[KEY_BYTES_MAX];
    struct err e = {0};
    unsetenv("GROQ_API_KEY");
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        key_write_file(ROW[i][0]);
        CHECK(key_find("", OPENAI_GROQ, g_path, key, &e));
        CHECK_STR(key, ROW[i][1]);
    }
    unlink(g_path);
    rmdir(g_dir);
}

static void a_process_with_a_key_is_closed_to_others(void) {
    key_guard();
    CHECK_INT(prctl(PR_GET_DUMPABLE), 0);
}

static void an_env_file_that_never_ends_is_no_file(void) {
    char path[64], key[KEY_BYTES_MAX];
    struct err e = {0};
    snprintf(path, sizeof path, "/tmp/logclass_key_%d.fifo", (int)getpid());
    CHECK(mkfifo(path, 0600) == 0);
    unsetenv("GROQ_API_KEY");
    alarm(10);
    CHECK(key_find("", OPENAI_GROQ, path, key, &e) && !key[0]);
    alarm(0);
    unlink(path);
}

CHECK_MAIN(CHECK_TEST(an_env_file_that_never_ends_is_no_file), CHECK_TEST(a_file_holds_a_key),
           CHECK_TEST(a_variable_is_for_its_provider_only), CHECK_TEST(an_env_file_is_read_as_usual),
           CHECK_TEST(a_process_with_a_key_is_closed_to_others))
