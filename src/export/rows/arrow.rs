//! The stream format of Apache Arrow: a schema, then batches of columns.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};

use crate::export::rows::columns::Waiting;
use crate::export::rows::table::RowTable;
use crate::model::{Column, Field, Texts, Type, Values};
use crate::store::reader::Run;

/// Rows of a batch.
const BATCH_ROWS: usize = 16_384;

/// Rows as a stream of Arrow batches.
pub(super) struct ArrowRows<W: Write> {
    writer: StreamWriter<W>,
    schema: SchemaRef,
    table: Arc<RowTable>,
    waiting: Waiting,
}

impl<W: Write> ArrowRows<W> {
    pub(super) fn new(out: W, table: Arc<RowTable>) -> io::Result<Self> {
        let fields = table.fields.iter();
        let fields = fields.map(|field| ArrowField::new(field.name, data_type(field.ty), field.nullable));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let writer = StreamWriter::try_new(out, &schema).map_err(refused)?;
        let waiting = Waiting::new(Arc::clone(&table), BATCH_ROWS);
        Ok(ArrowRows { writer, schema, table, waiting })
    }

    pub(super) fn write(&mut self, run: &Run<'_>) -> io::Result<()> {
        let mut taken = 0;
        while taken < run.rows.len() {
            taken += self.waiting.take(run, taken);
            if self.waiting.is_full() {
                self.drain()?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        self.writer.finish().map_err(refused)?;
        self.writer.into_inner().map_err(refused)
    }

    fn drain(&mut self) -> io::Result<()> {
        if self.waiting.rows == 0 {
            return Ok(());
        }
        let columns = self.waiting.drain().into_iter().zip(&self.table.fields);
        let arrays = columns.map(|(column, field)| array(column, field)).collect::<Result<Vec<_>, _>>();
        let batch = arrays.and_then(|arrays| RecordBatch::try_new(Arc::clone(&self.schema), arrays));
        batch.and_then(|batch| self.writer.write(&batch)).map_err(refused)
    }
}

fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::I64 => DataType::Int64,
        Type::I32 => DataType::Int32,
        Type::F64 => DataType::Float64,
        Type::Bool => DataType::Boolean,
        Type::Text | Type::Word => DataType::Utf8,
    }
}

fn array(column: Column, field: &Field) -> Result<ArrayRef, ArrowError> {
    let nulls = column.present.map(NullBuffer::from);
    Ok(match column.values {
        Values::I64(values) if field.ty == Type::Time => {
            Arc::new(TimestampMicrosecondArray::try_new(values.into(), nulls)?.with_timezone("UTC"))
        }
        Values::I64(values) => Arc::new(Int64Array::try_new(values.into(), nulls)?),
        Values::I32(values) => Arc::new(Int32Array::try_new(values.into(), nulls)?),
        Values::F64(values) => Arc::new(Float64Array::try_new(values.into(), nulls)?),
        Values::Bool(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
        Values::Text(texts) => Arc::new(strings(&texts, nulls)?),
    })
}

fn strings(texts: &Texts, nulls: Option<NullBuffer>) -> Result<StringArray, ArrowError> {
    let (bytes, ends) = texts.parts();
    // A batch holds far less than 2 GiB of text.
    let ends = ends.iter().map(|end| i32::try_from(*end).unwrap_or(i32::MAX));
    let offsets: Vec<i32> = std::iter::once(0).chain(ends).collect();
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), bytes.to_vec().into(), nulls)
}

/// The stream's own error, where that is why.
fn refused(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, cause) => cause,
        other => io::Error::other(other),
    }
}
