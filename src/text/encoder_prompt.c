#include "text/encoder_prompt.h"

#include "base/file.h"

#include <string.h>
#include <unistd.h>
#include <yyjson.h>

enum { PROMPT_FILE_MAX = 1 << 20, PROMPT_PATH_BYTES = 4096 };

static bool take_prompt(char prompt[ENCODER_PROMPT_BYTES], yyjson_val *root, struct err *e) {
    if (!yyjson_is_obj(root)) return err_set(e, ERR_MODEL, "is no JSON object");
    const char *name = yyjson_get_str(yyjson_obj_get(root, "default_prompt_name"));
    if (!name) return true;
    yyjson_val *text = yyjson_obj_get(yyjson_obj_get(root, "prompts"), name);
    if (!yyjson_is_str(text)) return err_set(e, ERR_MODEL, "'prompts' has no \"%.40s\", which is the default", name);
    if (yyjson_get_len(text) >= ENCODER_PROMPT_BYTES || strlen(yyjson_get_str(text)) != yyjson_get_len(text))
        return err_set(e, ERR_MODEL, "prompt \"%.40s\" must be at most %d bytes without NUL", name,
                       ENCODER_PROMPT_BYTES - 1);
    memcpy(prompt, yyjson_get_str(text), yyjson_get_len(text) + 1);
    return true;
}

bool encoder_prompt_read(char prompt[ENCODER_PROMPT_BYTES], const char *model_dir, struct err *e) {
    char path[PROMPT_PATH_BYTES];
    struct span text;
    prompt[0] = '\0';
    if (!file_join(path, sizeof path, model_dir, "config_sentence_transformers.json"))
        return err_set(e, ERR_MODEL, "%s: the path is too long", model_dir);
    if (access(path, F_OK) != 0) return true;
    if (!file_read(path, PROMPT_FILE_MAX, &text, e)) return false;
    yyjson_doc *doc = yyjson_read(text.p, text.n, YYJSON_READ_NOFLAG);
    bool ok = take_prompt(prompt, yyjson_doc_get_root(doc), e) || err_prefix(e, "%s", path);
    yyjson_doc_free(doc);
    file_free(&text);
    return ok;
}
