//! How a C function travels: its library and its prototype are put into the plan, and whoever gets the plan binds it anew.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::TableProvider,
    common::{DataFusionError, Result, TableReference},
    datasource::file_format::FileFormatFactory,
    execution::TaskContext,
    logical_expr::{Extension, LogicalPlan, ScalarUDF},
    physical_plan::ExecutionPlan,
};
use datafusion_proto::{
    logical_plan::LogicalExtensionCodec,
    physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension},
};
use springboard::{Engine, Library};
use springboard_datafusion::{NativeFunction, Source};

/// Encodes functions, and binds those of libraries that this process may load. Everything else is Ballista's own.
#[derive(Debug)]
pub(crate) struct Codec {
    /// Who this is, in errors.
    process: String,
    /// Libraries that may be loaded: a plan comes from the network.
    allowed: BTreeSet<String>,
    /// Told of each function that is bound.
    told: fn(&Source),
    engine: Engine,
    bound: Mutex<HashMap<Source, Arc<ScalarUDF>>>,
    logical: BallistaLogicalExtensionCodec,
    physical: BallistaPhysicalExtensionCodec,
}

impl Codec {
    pub(crate) fn new(
        process: impl Into<String>,
        allowed: impl IntoIterator<Item = String>,
        told: fn(&Source),
    ) -> Arc<Codec> {
        Arc::new(Codec {
            process: process.into(),
            allowed: allowed.into_iter().collect(),
            told,
            engine: Engine::new(),
            bound: Mutex::default(),
            logical: BallistaLogicalExtensionCodec::default(),
            physical: BallistaPhysicalExtensionCodec::default(),
        })
    }

    /// The function, bound when a plan names it for the first time.
    ///
    /// # Errors
    /// A library that is not allowed or cannot be loaded; a function that cannot be bound. Who refuses it, and which.
    pub(crate) fn bind(&self, source: &Source) -> Result<Arc<ScalarUDF>> {
        let refused = |why: String| {
            let Source { library, prototype } = source;
            DataFusionError::Plan(format!("{}: `{prototype}` of {library}: {why}", self.process))
        };
        if !self.allowed.contains(&source.library) {
            let allowed: Vec<&str> = self.allowed.iter().map(String::as_str).collect();
            return Err(refused(format!("only these libraries are allowed here: {}", allowed.join(", "))));
        }
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = bound.get(source) {
            return Ok(Arc::clone(function));
        }
        // SAFETY: whoever started this process allowed the library.
        let library =
            unsafe { Library::open(&source.library) }.map_err(|error| refused(error.to_string()))?;
        let function = NativeFunction::bind(&self.engine, &library, &source.prototype);
        let function =
            Arc::new(ScalarUDF::new_from_impl(function.map_err(|error| refused(error.to_string()))?));
        bound.insert(source.clone(), Arc::clone(&function));
        (self.told)(source);
        Ok(function)
    }

    /// What a plan has of a function: the library, a NUL, the prototype. Nothing of functions that are not C's.
    fn encode(function: &ScalarUDF, to: &mut Vec<u8>) {
        if let Some(native) = function.inner().downcast_ref::<NativeFunction>() {
            let Source { library, prototype } = native.source();
            to.extend([library.as_bytes(), &[0], prototype.as_bytes()].concat());
        }
    }

    fn decode(&self, name: &str, from: &[u8]) -> Result<Arc<ScalarUDF>> {
        let text = std::str::from_utf8(from).ok();
        let Some((library, prototype)) = text.and_then(|text| text.split_once('\0')) else {
            return Err(DataFusionError::Plan(format!(
                "{}: {name} is no C function of a plan",
                self.process
            )));
        };
        self.bind(&Source { library: library.to_owned(), prototype: prototype.to_owned() })
    }
}

/// Ballista takes a codec of each kind; one value is both.
#[derive(Debug)]
pub(crate) struct Logical(pub(crate) Arc<Codec>);

/// See [`Logical`].
#[derive(Debug)]
pub(crate) struct Physical(pub(crate) Arc<Codec>);

impl LogicalExtensionCodec for Logical {
    fn try_decode(&self, buf: &[u8], inputs: &[LogicalPlan], ctx: &TaskContext) -> Result<Extension> {
        self.0.logical.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.0.logical.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table_ref: &TableReference,
        schema: SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        self.0.logical.try_decode_table_provider(buf, table_ref, schema, ctx)
    }

    fn try_encode_table_provider(
        &self,
        table_ref: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        self.0.logical.try_encode_table_provider(table_ref, node, buf)
    }

    fn try_decode_file_format(&self, buf: &[u8], ctx: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.0.logical.try_decode_file_format(buf, ctx)
    }

    fn try_encode_file_format(&self, buf: &mut Vec<u8>, node: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.0.logical.try_encode_file_format(buf, node)
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.0.decode(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        Codec::encode(node, buf);
        Ok(())
    }
}

impl PhysicalExtensionCodec for Physical {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.physical.try_decode(buf, inputs, ctx, converter)
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        self.0.physical.try_encode(node, buf, converter)
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.0.decode(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        Codec::encode(node, buf);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec(name: &str, allowed: &[&str]) -> Arc<Codec> {
        Codec::new(name, allowed.iter().map(|library| (*library).to_owned()), |_| {})
    }

    fn pow() -> Source {
        Source { library: "libm.so.6".to_owned(), prototype: "double pow(double, double)".to_owned() }
    }

    #[test]
    fn a_function_is_bound_where_the_plan_arrives() {
        let (client, worker) = (codec("client", &["libm.so.6"]), codec("worker", &["libm.so.6"]));
        let function = client.bind(&pow()).unwrap();
        let mut plan = Vec::new();
        Codec::encode(&function, &mut plan);
        let there = worker.decode("c_pow", &plan).unwrap();
        let there = there.inner().downcast_ref::<NativeFunction>().expect("a C function");
        assert_eq!(there.source(), &pow());
        // Once for all plans that name it.
        assert!(Arc::ptr_eq(&worker.decode("c_pow", &plan).unwrap(), &worker.bind(&pow()).unwrap()));
    }

    #[test]
    fn what_a_worker_does_not_do_names_worker_and_function() {
        let worker = codec("worker-7", &["libm.so.6"]);
        let why = |library: &str, prototype: &str| {
            let source = Source { library: library.to_owned(), prototype: prototype.to_owned() };
            worker.bind(&source).unwrap_err().to_string()
        };
        let refused = why("libc.so.6", "int abs(int)");
        assert!(
            refused.contains(
                "worker-7: `int abs(int)` of libc.so.6: only these libraries are allowed here: libm.so.6"
            ),
            "{refused}"
        );
        assert!(why("libm.so.6", "double no_such(double)").contains("no symbol no_such"));
        assert!(why("libm.so.6", "double pow(double, strange)").contains("strange"));
        let error = worker.decode("upper", b"").unwrap_err().to_string();
        assert!(error.contains("worker-7: upper is no C function of a plan"), "{error}");
    }
}
