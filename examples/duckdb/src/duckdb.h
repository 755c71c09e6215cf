/* The part of DuckDB's C API that the example calls. Read when it runs: there is no build against DuckDB. */
typedef unsigned long long idx_t;
typedef enum { DuckDBSuccess = 0, DuckDBError = 1 } duckdb_state;
typedef enum {
    DUCKDB_TYPE_BOOLEAN = 1, DUCKDB_TYPE_TINYINT, DUCKDB_TYPE_SMALLINT, DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_BIGINT,
    DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_USMALLINT, DUCKDB_TYPE_UINTEGER, DUCKDB_TYPE_UBIGINT,
    DUCKDB_TYPE_FLOAT, DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_VARCHAR = 17
} duckdb_type;

typedef struct database *duckdb_database;
typedef struct connection *duckdb_connection;
typedef struct logical_type *duckdb_logical_type;
typedef struct scalar_function *duckdb_scalar_function;
typedef struct function_info *duckdb_function_info;
typedef struct data_chunk *duckdb_data_chunk;
typedef struct vector *duckdb_vector;
typedef struct { idx_t counts[3]; void *columns; char *error; void *internal; } duckdb_result;
typedef void (*duckdb_scalar_function_t)(duckdb_function_info, duckdb_data_chunk, duckdb_vector);

const char *duckdb_library_version(void);
duckdb_state duckdb_open(const char *path, duckdb_database *out);
void duckdb_close(duckdb_database *);
duckdb_state duckdb_connect(duckdb_database, duckdb_connection *out);
void duckdb_disconnect(duckdb_connection *);

duckdb_state duckdb_query(duckdb_connection, const char *, duckdb_result *out);
const char *duckdb_result_error(duckdb_result *);
idx_t duckdb_column_count(duckdb_result *);
const char *duckdb_column_name(duckdb_result *, idx_t);
idx_t duckdb_row_count(duckdb_result *);
char *duckdb_value_varchar(duckdb_result *, idx_t column, idx_t row);
void duckdb_free(void *);
void duckdb_destroy_result(duckdb_result *);

duckdb_logical_type duckdb_create_logical_type(duckdb_type);
void duckdb_destroy_logical_type(duckdb_logical_type *);
duckdb_scalar_function duckdb_create_scalar_function(void);
void duckdb_destroy_scalar_function(duckdb_scalar_function *);
void duckdb_scalar_function_set_name(duckdb_scalar_function, const char *);
void duckdb_scalar_function_add_parameter(duckdb_scalar_function, duckdb_logical_type);
void duckdb_scalar_function_set_return_type(duckdb_scalar_function, duckdb_logical_type);
void duckdb_scalar_function_set_volatile(duckdb_scalar_function);
void duckdb_scalar_function_set_function(duckdb_scalar_function, duckdb_scalar_function_t);
duckdb_state duckdb_register_scalar_function(duckdb_connection, duckdb_scalar_function);
void duckdb_scalar_function_set_error(duckdb_function_info, const char *);

idx_t duckdb_data_chunk_get_size(duckdb_data_chunk);
duckdb_vector duckdb_data_chunk_get_vector(duckdb_data_chunk, idx_t);
void *duckdb_vector_get_data(duckdb_vector);
unsigned long long *duckdb_vector_get_validity(duckdb_vector);
void duckdb_vector_ensure_validity_writable(duckdb_vector);
void duckdb_vector_assign_string_element(duckdb_vector, idx_t, const char *);
