/* load: a model directory and an adapter → an encoder's weights, packed for a kernel. The order of it all. */
#ifndef ENCODER_LOAD_H
#define ENCODER_LOAD_H

#include "base/err.h"
#include "encoder/model.h"

/* Reads config.json, 1_Pooling/config.json and model.safetensors of model_dir and merges the adapter (NULL or "":
 * none). Threads of its own share the work and are gone on return. Release with model_close. */
bool load_model(struct model *m, const char *model_dir, const char *adapter_path, const struct kern *kern,
                struct err *e);

#endif
