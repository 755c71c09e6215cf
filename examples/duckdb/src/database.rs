//! A database in memory, and what is asked of it.

use std::{
    error::Error,
    ffi::{CStr, CString, c_char},
    ptr,
    sync::Arc,
};

use springboard::{Callback, Engine};
use springboard_everyday::udf::Udf;

use crate::{
    api::{Api, Handle, Rows, SUCCESS},
    scalar_function,
};

/// A database in memory with one connection.
pub(crate) struct Database {
    api: Arc<Api>,
    database: Handle,
    connection: Handle,
    /// What the database calls, for as long as it is open.
    callbacks: Vec<Callback>,
}

/// The rows of an answer, every value as text. `None` is `NULL`.
pub(crate) struct Table {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

impl Database {
    /// A new one.
    ///
    /// # Errors
    /// DuckDB cannot make one.
    pub(crate) fn open(api: Arc<Api>) -> Result<Database, Box<dyn Error>> {
        let mut database =
            Database { api, database: ptr::null_mut(), connection: ptr::null_mut(), callbacks: Vec::new() };
        let api = &database.api;
        // SAFETY: no path is a database in memory; both handles are written here and closed once.
        let made = unsafe {
            api.open.call(ptr::null(), &raw mut database.database) == SUCCESS
                && api.connect.call(database.database, &raw mut database.connection) == SUCCESS
        };
        if made { Ok(database) } else { Err("DuckDB cannot open a database in memory".into()) }
    }

    /// DuckDB's version.
    pub(crate) fn version(&self) -> String {
        // SAFETY: the text is DuckDB's own, and constant.
        unsafe { text(self.api.version.call()) }.unwrap_or_default()
    }

    /// Makes a C function a scalar function, by its own name with `c_` before it.
    ///
    /// # Errors
    /// DuckDB refuses it.
    pub(crate) fn register(&mut self, engine: &Engine, udf: Udf) -> Result<(), Box<dyn Error>> {
        let callback = scalar_function::register(engine, &self.api, self.connection, udf)?;
        self.callbacks.push(callback);
        Ok(())
    }

    /// Registers a UDF that is written in C: a function `void (duckdb_connection)` does it.
    ///
    /// # Errors
    /// The function does not have this type.
    pub(crate) fn register_in_c(&self, register: &springboard::Function) -> Result<(), Box<dyn Error>> {
        let register = register.typed::<unsafe extern "C" fn(Handle)>()?;
        // SAFETY: it takes a connection.
        unsafe { register.call(self.connection) };
        Ok(())
    }

    /// Runs SQL.
    ///
    /// # Errors
    /// What DuckDB says of it.
    pub(crate) fn query(&self, sql: &str) -> Result<Table, Box<dyn Error>> {
        let sql = CString::new(sql)?;
        let (api, mut rows) = (&self.api, Rows::default());
        // SAFETY: the connection is open, the text lives through the call, and the result is written whatever comes of it.
        let table = unsafe {
            if api.query.call(self.connection, sql.as_ptr(), &raw mut rows) == SUCCESS {
                Ok(self.table(&mut rows))
            } else {
                Err(text(api.result_error.call(&raw mut rows)).unwrap_or_default())
            }
        };
        // SAFETY: a result, used no more.
        unsafe { api.destroy_result.call(&raw mut rows) };
        Ok(table?)
    }

    /// # Safety
    /// `rows` are of a query that went well.
    unsafe fn table(&self, rows: &mut Rows) -> Table {
        let api = &self.api;
        // SAFETY: the caller says that there is a result. Columns and rows are those that it has, and a text that DuckDB
        // made is given back to it.
        unsafe {
            let columns = api.column_count.call(rows);
            let name = |column| text(api.column_name.call(&raw mut *rows, column)).unwrap_or_default();
            let names = (0..columns).map(name).collect();
            let mut table = Table { names, rows: Vec::new() };
            for row in 0..api.row_count.call(rows) {
                let value = |column| {
                    let value = api.value.call(&raw mut *rows, column, row);
                    let copy = text(value);
                    api.free.call(value);
                    copy
                };
                table.rows.push((0..columns).map(value).collect());
            }
            table
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: handles of this database, or null; nothing runs on it any more. The callbacks are closed after it.
        unsafe {
            self.api.disconnect.call(&raw mut self.connection);
            self.api.close.call(&raw mut self.database);
        }
    }
}

/// A copy of a C string; `None` for null.
///
/// # Safety
/// There is one at the address.
unsafe fn text(address: *const c_char) -> Option<String> {
    if address.is_null() {
        return None;
    }
    // SAFETY: the caller says so.
    Some(unsafe { CStr::from_ptr(address) }.to_string_lossy().into_owned())
}
