/* The module under logclass/__init__.py: lines from Python's or Arrow's memory, where they lie, into the library and
 * answers back as columns. For the stable ABI, so that one build serves every CPython from 3.11 on. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include "logclass.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static PyObject *g_error; /* logclass.Error */

struct native {
    PyObject_HEAD struct logclass *c;
    Py_ssize_t users; /* calls that work without the interpreter's lock; counted under it */
};

/* What the lines of one call are made of; everything in it lives until the call ends. */
struct lines {
    struct logclass_line *line;
    size_t n, room;
    PyObject *kept; /* a list of the objects that the texts belong to */
};

static struct logclass_line *lines_add(struct lines *l) {
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 256;
        struct logclass_line *bigger = realloc(l->line, room * sizeof *bigger);
        if (!bigger) return (struct logclass_line *)(void *)PyErr_NoMemory();
        l->line = bigger, l->room = room;
    }
    l->line[l->n] = (struct logclass_line){0};
    return &l->line[l->n++];
}

static void lines_release(struct lines *l) {
    free(l->line);
    Py_XDECREF(l->kept);
}

/* ---- texts of Python ---- */

struct text {
    const char *p;
    Py_ssize_t n;
};

/* Bytes that were no UTF-8 (surrogateescape) become what they were; other lone surrogates become what is repaired. */
static PyObject *encode_odd(PyObject *text) {
    PyErr_Clear();
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape");
    if (bytes) return bytes;
    PyErr_Clear();
    return PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
}

/* The bytes of a str or bytes, where they lie; None and NaN are nothing. kept: takes what must outlive the call. */
static bool text_of(PyObject *o, PyObject *kept, struct text *out, const char *what, Py_ssize_t i) {
    *out = (struct text){0};
    if (o == Py_None || (PyFloat_Check(o) && isnan(PyFloat_AsDouble(o)))) return true;
    if (PyUnicode_Check(o)) {
        out->p = PyUnicode_AsUTF8AndSize(o, &out->n);
        if (out->p) return true;
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return false;
        PyObject *bytes = encode_odd(o);
        bool ok = bytes && PyList_Append(kept, bytes) == 0;
        Py_XDECREF(bytes); /* the list holds it */
        return ok && PyBytes_AsStringAndSize(bytes, (char **)&out->p, &out->n) == 0;
    }
    if (PyBytes_Check(o)) return PyBytes_AsStringAndSize(o, (char **)&out->p, &out->n) == 0;
    PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(o), "__name__");
    if (name) PyErr_Format(PyExc_TypeError, "%s[%zd] is %U: expected str, bytes or None", what, i, name);
    Py_XDECREF(name);
    return false;
}

/* A tuple of its own, which nobody changes while the lock is not held. */
static PyObject *keep_tuple(struct lines *l, PyObject *values) {
    PyObject *tuple = PySequence_Tuple(values);
    if (!tuple) return NULL;
    bool ok = PyList_Append(l->kept, tuple) == 0;
    Py_DECREF(tuple); /* the list holds it */
    return ok ? tuple : NULL;
}

static bool take_messages(struct lines *l, PyObject *values) {
    PyObject *tuple = keep_tuple(l, values);
    Py_ssize_t n = tuple ? PyTuple_Size(tuple) : -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        struct text t;
        struct logclass_line *to = lines_add(l);
        if (!to || !text_of(PyTuple_GetItem(tuple, i), l->kept, &t, "lines", i)) return false;
        to->message = t.p, to->message_bytes = (size_t)t.n;
    }
    return n >= 0;
}

static bool check_equal(size_t sources, size_t lines) {
    if (sources == lines) return true;
    PyErr_Format(PyExc_ValueError, "%zu sources for %zu lines", sources, lines);
    return false;
}

/* One for all. */
static bool take_source(struct lines *l, PyObject *source) {
    struct text t;
    if (PyList_Append(l->kept, source) != 0 || !text_of(source, l->kept, &t, "sources", 0)) return false;
    for (size_t i = 0; i < l->n; i++) l->line[i].source = t.p, l->line[i].source_bytes = (size_t)t.n;
    return true;
}

static bool is_one(PyObject *sources) {
    return sources == Py_None || PyUnicode_Check(sources) || PyBytes_Check(sources);
}

static bool take_sources(struct lines *l, PyObject *values) {
    if (is_one(values)) return take_source(l, values);
    PyObject *tuple = keep_tuple(l, values);
    Py_ssize_t n = tuple ? PyTuple_Size(tuple) : -1;
    if (n < 0 || !check_equal((size_t)n, l->n)) return false;
    for (Py_ssize_t i = 0; i < n; i++) {
        struct text t;
        if (!text_of(PyTuple_GetItem(tuple, i), l->kept, &t, "sources", i)) return false;
        l->line[i].source = t.p, l->line[i].source_bytes = (size_t)t.n;
    }
    return true;
}

/* ---- columns of Arrow: its C data interface, whose structures are an ABI ---- */

struct arrow_schema {
    const char *format, *name, *metadata;
    int64_t flags, children_n;
    struct arrow_schema **children, *dictionary;
    void (*release)(struct arrow_schema *);
    void *private_data;
};

struct arrow_array {
    int64_t n, nulls, offset, buffers_n, children_n;
    const void **buffer;
    struct arrow_array **children, *dictionary;
    void (*release)(struct arrow_array *);
    void *private_data;
};

struct arrow_stream {
    int (*get_schema)(struct arrow_stream *, struct arrow_schema *);
    int (*get_next)(struct arrow_stream *, struct arrow_array *);
    const char *(*get_last_error)(struct arrow_stream *);
    void (*release)(struct arrow_stream *);
    void *private_data;
};

/* A column, taken over from whoever offered it. */
struct column {
    struct arrow_schema schema;
    struct arrow_array *chunk;
    size_t n;
};

static void column_release(struct column *c) {
    for (size_t i = 0; i < c->n; i++)
        if (c->chunk[i].release) c->chunk[i].release(&c->chunk[i]);
    if (c->schema.release) c->schema.release(&c->schema);
    free(c->chunk);
}

static bool column_add(struct column *c, const struct arrow_array *a) {
    struct arrow_array *bigger = realloc(c->chunk, (c->n + 1) * sizeof *bigger);
    if (!bigger) return PyErr_NoMemory() != NULL;
    c->chunk = bigger;
    c->chunk[c->n++] = *a;
    return true;
}

static bool column_from_stream(struct column *c, PyObject *capsule) {
    struct arrow_stream *s = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (!s) return false;
    int failed = s->get_schema(s, &c->schema);
    while (!failed) {
        struct arrow_array a = {0};
        failed = s->get_next(s, &a);
        if (failed || !a.release) break;
        if (!column_add(c, &a)) return a.release(&a), false;
    }
    const char *why = failed ? s->get_last_error(s) : NULL;
    if (failed) PyErr_Format(g_error, "the column can't be read: %s", why ? why : strerror(failed));
    return !failed;
}

static bool column_from_array(struct column *c, PyObject *pair) {
    PyObject *schema_capsule = PyTuple_GetItem(pair, 0), *array_capsule = PyTuple_GetItem(pair, 1);
    struct arrow_schema *schema = schema_capsule ? PyCapsule_GetPointer(schema_capsule, "arrow_schema") : NULL;
    struct arrow_array *array = schema && array_capsule ? PyCapsule_GetPointer(array_capsule, "arrow_array") : NULL;
    if (!array || !column_add(c, array)) return false;
    c->schema = *schema;
    schema->release = NULL; /* they are ours now */
    array->release = NULL;
    return true;
}

static bool column_open(struct column *c, PyObject *from) {
    *c = (struct column){0};
    bool whole = PyObject_HasAttrString(from, "__arrow_c_array__");
    PyObject *method = PyObject_GetAttrString(from, whole ? "__arrow_c_array__" : "__arrow_c_stream__");
    PyObject *offered = method ? PyObject_CallNoArgs(method) : NULL;
    bool ok = offered && (whole ? column_from_array(c, offered) : column_from_stream(c, offered));
    Py_XDECREF(offered);
    Py_XDECREF(method);
    return ok;
}

/* Where a text stands, by the column's format. */
static struct text text_by_int32(const struct arrow_array *a, int64_t i) {
    const int32_t *at = a->buffer[1];
    return (struct text){(const char *)a->buffer[2] + at[i], at[i + 1] - at[i]};
}

static struct text text_by_int64(const struct arrow_array *a, int64_t i) {
    const int64_t *at = a->buffer[1];
    return (struct text){(const char *)a->buffer[2] + at[i], at[i + 1] - at[i]};
}

static struct text text_by_view(const struct arrow_array *a, int64_t i) {
    enum { INLINE = 12 };
    struct view {
        int32_t n;
        union {
            char text[INLINE];
            struct {
                char prefix[4];
                int32_t buffer, offset;
            } far;
        } at;
    } const *v = (const struct view *)a->buffer[1] + i;
    if (v->n <= INLINE) return (struct text){v->at.text, v->n};
    return (struct text){(const char *)a->buffer[2 + v->at.far.buffer] + v->at.far.offset, v->n};
}

typedef struct text text_at(const struct arrow_array *a, int64_t i);

static text_at *format_of(const char *format) {
    if (strcmp(format, "u") == 0 || strcmp(format, "z") == 0) return text_by_int32;
    if (strcmp(format, "U") == 0 || strcmp(format, "Z") == 0) return text_by_int64;
    if (strcmp(format, "vu") == 0 || strcmp(format, "vz") == 0) return text_by_view;
    return NULL;
}

static int64_t index_at(char format, const void *p, int64_t i) {
    switch (format) {
    case 'c': return ((const int8_t *)p)[i];
    case 'C': return ((const uint8_t *)p)[i];
    case 's': return ((const int16_t *)p)[i];
    case 'S': return ((const uint16_t *)p)[i];
    case 'i': return ((const int32_t *)p)[i];
    case 'I': return ((const uint32_t *)p)[i];
    default: return ((const int64_t *)p)[i]; /* 'l', 'L' */
    }
}

static bool is_null(const struct arrow_array *a, int64_t i) {
    const uint8_t *bits = a->nulls != 0 && a->buffers_n > 0 ? a->buffer[0] : NULL;
    return bits && !(bits[i / 8] >> (i % 8) & 1);
}

static struct text column_text(const struct column *c, const struct arrow_array *a, text_at *at, int64_t i) {
    i += a->offset;
    if (is_null(a, i)) return (struct text){0};
    if (!c->schema.dictionary) return at(a, i);
    const struct arrow_array *d = a->dictionary;
    int64_t k = index_at(c->schema.format[0], a->buffer[1], i) + d->offset;
    return is_null(d, k) ? (struct text){0} : at(d, k);
}

/* Adds the texts as messages, or puts them to the lines as sources. */
static bool column_read(const struct column *c, struct lines *l, bool sources) {
    const struct arrow_schema *s = c->schema.dictionary ? c->schema.dictionary : &c->schema;
    text_at *at = format_of(s->format);
    size_t total = 0, k = 0;
    if (!at) PyErr_Format(PyExc_TypeError, "a column of Arrow format '%s': expected text or binary", s->format);
    if (!at) return false;
    for (size_t i = 0; i < c->n; i++) total += (size_t)c->chunk[i].n;
    if (sources && !check_equal(total, l->n)) return false;
    for (size_t i = 0; i < c->n; i++)
        for (int64_t r = 0; r < c->chunk[i].n; r++, k++) {
            struct text t = column_text(c, &c->chunk[i], at, r);
            struct logclass_line *to = sources ? &l->line[k] : lines_add(l);
            if (!to) return false;
            if (sources)
                to->source = t.p, to->source_bytes = (size_t)t.n;
            else
                to->message = t.p, to->message_bytes = (size_t)t.n;
        }
    return true;
}

/* ---- calls ---- */

static void *raise_status(const struct logclass_error *e) {
    if (e->status == LOGCLASS_MEMORY) return PyErr_NoMemory();
    PyErr_SetString(e->status == LOGCLASS_USAGE ? PyExc_ValueError : g_error, e->text);
    return NULL;
}

static struct logclass *borrow(struct native *self) {
    if (!self->c) PyErr_SetString(PyExc_ValueError, "the classifier is closed");
    return self->c;
}

static PyObject *columns_of(const struct logclass_answer *a, size_t n) {
    Py_ssize_t size = (Py_ssize_t)n;
    PyObject *label = PyBytes_FromStringAndSize(NULL, size), *decider = PyBytes_FromStringAndSize(NULL, size),
             *reason = PyBytes_FromStringAndSize(NULL, size),
             *confidence = PyBytes_FromStringAndSize(NULL, size * (Py_ssize_t)sizeof(double));
    if (label && decider && reason && confidence) {
        char *l = PyBytes_AsString(label), *d = PyBytes_AsString(decider), *r = PyBytes_AsString(reason),
             *c = PyBytes_AsString(confidence);
        for (size_t i = 0; i < n; i++) {
            l[i] = (char)a[i].label, d[i] = (char)a[i].decider, r[i] = (char)a[i].reason;
            memcpy(c + i * sizeof(double), &a[i].confidence, sizeof(double));
        }
        return Py_BuildValue("nNNNN", size, label, decider, reason, confidence);
    }
    Py_XDECREF(label), Py_XDECREF(decider), Py_XDECREF(reason), Py_XDECREF(confidence);
    return NULL;
}

static PyObject *classify_lines(struct native *self, const struct lines *l) {
    struct logclass_error e;
    int status;
    struct logclass_answer *answer = malloc((l->n + 1) * sizeof *answer);
    if (!answer) return PyErr_NoMemory();
    self->users++;
    Py_BEGIN_ALLOW_THREADS status = logclass_classify(self->c, l->line, l->n, answer, &e);
    Py_END_ALLOW_THREADS self->users--;
    PyObject *columns = status == LOGCLASS_OK ? columns_of(answer, l->n) : raise_status(&e);
    free(answer);
    return columns;
}

static PyObject *native_classify(PyObject *o, PyObject *args) {
    struct native *self = (struct native *)o;
    PyObject *values, *sources, *columns = NULL;
    if (!PyArg_ParseTuple(args, "OO", &values, &sources) || !borrow(self)) return NULL;
    struct lines l = {.kept = PyList_New(0)};
    bool ok = l.kept && take_messages(&l, values) && take_sources(&l, sources);
    if (ok && borrow(self)) columns = classify_lines(self, &l);
    lines_release(&l);
    return columns;
}

static PyObject *native_classify_arrow(PyObject *o, PyObject *args) {
    struct native *self = (struct native *)o;
    PyObject *values, *sources, *columns = NULL;
    if (!PyArg_ParseTuple(args, "OO", &values, &sources) || !borrow(self)) return NULL;
    struct lines l = {.kept = PyList_New(0)};
    struct column messages = {0}, names = {0};
    bool ok = l.kept && column_open(&messages, values) && column_read(&messages, &l, false);
    if (ok && is_one(sources))
        ok = take_source(&l, sources);
    else if (ok)
        ok = column_open(&names, sources) && column_read(&names, &l, true);
    if (ok && borrow(self)) columns = classify_lines(self, &l);
    lines_release(&l);
    column_release(&messages);
    column_release(&names);
    return columns;
}

static PyObject *native_explain(PyObject *o, PyObject *args) {
    struct native *self = (struct native *)o;
    PyObject *message, *source, *result = NULL;
    struct logclass_error e;
    if (!PyArg_ParseTuple(args, "OO", &message, &source) || !borrow(self)) return NULL;
    struct lines l = {.kept = PyList_New(0)};
    struct text t;
    struct logclass_line *line = lines_add(&l);
    if (l.kept && line && text_of(message, l.kept, &t, "line", 0) && take_source(&l, source)) {
        char *text;
        line->message = t.p, line->message_bytes = (size_t)t.n;
        self->users++;
        Py_BEGIN_ALLOW_THREADS text = logclass_explain(self->c, line, &e);
        Py_END_ALLOW_THREADS self->users--;
        result = text ? PyUnicode_FromString(text) : raise_status(&e);
        logclass_free(text);
    }
    lines_release(&l);
    return result;
}

static PyObject *native_labels(PyObject *o, PyObject *none) {
    struct logclass *c = borrow((struct native *)o);
    (void)none;
    PyObject *list = c ? PyList_New(0) : NULL;
    for (unsigned i = 0; list && i < logclass_labels(c); i++) {
        PyObject *row =
            Py_BuildValue("sss", logclass_label_id(c, i), logclass_label_name(c, i), logclass_label_about(c, i));
        if (!row || PyList_Append(list, row) != 0) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *native_about(PyObject *o, PyObject *none) {
    struct logclass *c = borrow((struct native *)o);
    (void)none;
    return c ? PyUnicode_FromString(logclass_about(c)) : NULL;
}

static PyObject *native_close(PyObject *o, PyObject *none) {
    struct native *self = (struct native *)o;
    struct logclass *c = self->c;
    (void)none;
    if (self->users > 0) {
        PyErr_SetString(g_error, "another thread is using the classifier");
        return NULL;
    }
    self->c = NULL;
    Py_BEGIN_ALLOW_THREADS logclass_close(c);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

/* ---- the type ---- */

/* A tuple of str as a NULL-terminated list of texts that the tuple owns. */
static const char **settings_of(PyObject *tuple) {
    Py_ssize_t n = PyTuple_Size(tuple);
    const char **list = n >= 0 ? calloc((size_t)n + 1, sizeof *list) : NULL;
    for (Py_ssize_t i = 0; list && i < n; i++) {
        list[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(tuple, i), NULL);
        if (list[i]) continue;
        free(list);
        return NULL;
    }
    if (!list && !PyErr_Occurred()) PyErr_NoMemory();
    return list;
}

static PyObject *native_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    struct logclass_options o = {.size = sizeof o};
    struct logclass_error e;
    struct logclass *c;
    PyObject *settings;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "zO!p", &o.data_dir, &PyTuple_Type, &settings, &o.use_state)) return NULL;
    const char **list = settings_of(settings);
    if (!list) return NULL;
    o.settings = list;
    Py_BEGIN_ALLOW_THREADS c = logclass_open(&o, &e);
    Py_END_ALLOW_THREADS free(list);
    if (!c) return raise_status(&e);
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct native *self = (struct native *)make(type, 0);
    if (self)
        self->c = c;
    else
        logclass_close(c);
    return (PyObject *)self;
}

static void native_dealloc(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    struct logclass *c = ((struct native *)o)->c;
    Py_BEGIN_ALLOW_THREADS logclass_close(c);
    Py_END_ALLOW_THREADS freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(o);
    Py_DECREF(type);
}

static PyMethodDef METHODS[] = {
    {"classify", native_classify, METH_VARARGS, NULL},
    {"classify_arrow", native_classify_arrow, METH_VARARGS, NULL},
    {"explain", native_explain, METH_VARARGS, NULL},
    {"labels", native_labels, METH_NOARGS, NULL},
    {"about", native_about, METH_NOARGS, NULL},
    {"close", native_close, METH_NOARGS, NULL},
    {0},
};

static PyType_Slot SLOTS[] = {{Py_tp_new, native_new}, {Py_tp_dealloc, native_dealloc}, {Py_tp_methods, METHODS}, {0}};

static PyType_Spec SPEC = {
    .name = "logclass._native.Native", .basicsize = sizeof(struct native), .flags = Py_TPFLAGS_DEFAULT, .slots = SLOTS};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "_native", .m_size = -1};

static PyObject *names_of(const char *(*name)(unsigned)) {
    PyObject *list = PyList_New(0), *tuple = NULL;
    for (unsigned i = 0; list && name(i); i++) {
        PyObject *text = PyUnicode_FromString(name(i));
        if (!text || PyList_Append(list, text) != 0) Py_CLEAR(list);
        Py_XDECREF(text);
    }
    if (list) tuple = PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

/* Takes the reference over. */
static bool module_add(PyObject *module, const char *name, PyObject *value) {
    bool ok = value && PyModule_AddObjectRef(module, name, value) == 0;
    Py_XDECREF(value);
    return ok;
}

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&MODULE);
    g_error = PyErr_NewException("logclass.Error", NULL, NULL);
    bool ok = module && g_error && PyModule_AddObjectRef(module, "Error", g_error) == 0 &&
              module_add(module, "Native", PyType_FromSpec(&SPEC)) &&
              module_add(module, "deciders", names_of(logclass_decider_name)) &&
              module_add(module, "reasons", names_of(logclass_reason_name)) &&
              module_add(module, "version", PyUnicode_FromString(logclass_version()));
    if (ok) return module;
    Py_XDECREF(module);
    return NULL;
}
