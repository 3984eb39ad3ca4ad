//! The functions of LightGBM's C interface that are used, as its header `c_api.h` declares them.
//!
//! Each wrapper checks the returned code and turns the library's last message into an error.

#![allow(unsafe_code, reason = "a C interface")]

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

use crate::error::LightgbmError;

/// A data set or booster of the library.
pub(crate) type Handle = *mut c_void;

/// The code of float32 in the interface.
const FLOAT32: c_int = 0;

/// The code of int32 in the interface.
const INT32: c_int = 2;

/// What is predicted: outputs before any link.
const RAW: c_int = 1;

type Create = unsafe extern "C" fn(*const c_void, c_int, i32, i32, c_int, *const c_char, Handle, *mut Handle) -> c_int;
type Field = unsafe extern "C" fn(Handle, *const c_char, *const c_void, c_int, c_int) -> c_int;
type Free = unsafe extern "C" fn(Handle) -> c_int;
type New = unsafe extern "C" fn(Handle, *const c_char, *mut Handle) -> c_int;
type Step = unsafe extern "C" fn(Handle, *mut c_int) -> c_int;
type Predict = unsafe extern "C" fn(
    Handle,
    *const c_void,
    c_int,
    i32,
    i32,
    c_int,
    c_int,
    c_int,
    c_int,
    *const c_char,
    *mut i64,
    *mut f64,
) -> c_int;
type Save = unsafe extern "C" fn(Handle, c_int, c_int, c_int, i64, *mut i64, *mut c_char) -> c_int;
type Load = unsafe extern "C" fn(*const c_char, *mut c_int, *mut Handle) -> c_int;
type Threads = unsafe extern "C" fn(c_int) -> c_int;
type LastError = unsafe extern "C" fn() -> *const c_char;
type Register = unsafe extern "C" fn(extern "C" fn(*const c_char)) -> c_int;

/// The opened functions; they stay as long as the library, which is never closed.
pub(crate) struct Functions {
    create: Create,
    field: Field,
    free_dataset: Free,
    new: New,
    free_booster: Free,
    step: Step,
    classes: Step,
    features: Step,
    predict: Predict,
    save: Save,
    load: Load,
    threads: Threads,
    last_error: LastError,
    register: Register,
    _library: libloading::Library,
}

/// Cells of a row-major table of float32.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: i32,
    pub(crate) columns: i32,
}

extern "C" fn silent(_: *const c_char) {}

thread_local! {
    /// Whether the library is silent on this thread.
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

impl Functions {
    /// Opens the library at a path, or by its name where the system's loader finds it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        // SAFETY: loading runs the library's initialisers; LightGBM's only set up its tables.
        let library = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
        macro_rules! get {
            ($name:literal) => {
                // SAFETY: the type is that of the header's declaration of this name.
                *unsafe { library.get($name) }.map_err(|error| error.to_string())?
            };
        }
        Ok(Functions {
            create: get!(b"LGBM_DatasetCreateFromMat"),
            field: get!(b"LGBM_DatasetSetField"),
            free_dataset: get!(b"LGBM_DatasetFree"),
            new: get!(b"LGBM_BoosterCreate"),
            free_booster: get!(b"LGBM_BoosterFree"),
            step: get!(b"LGBM_BoosterUpdateOneIter"),
            classes: get!(b"LGBM_BoosterGetNumClasses"),
            features: get!(b"LGBM_BoosterGetNumFeature"),
            predict: get!(b"LGBM_BoosterPredictForMat"),
            save: get!(b"LGBM_BoosterSaveModelToString"),
            load: get!(b"LGBM_BoosterLoadModelFromString"),
            threads: get!(b"LGBM_SetMaxThreads"),
            last_error: get!(b"LGBM_GetLastError"),
            register: get!(b"LGBM_RegisterLogCallback"),
            _library: library,
        })
    }

    /// Calls the library; what it says is heard by nobody. The callback is one of each thread, as is how much is said.
    fn call(&self, call: impl FnOnce() -> c_int) -> Result<(), LightgbmError> {
        if !IS_SILENT.replace(true) {
            // SAFETY: the function takes a callback that lives as long as the program.
            unsafe { (self.register)(silent) };
        }
        if call() == 0 {
            return Ok(());
        }
        // SAFETY: the function returns a text that is valid until the next call on this thread.
        let text = unsafe { CStr::from_ptr((self.last_error)()) };
        Err(LightgbmError::Refused(text.to_string_lossy().trim().to_owned()))
    }

    /// The most threads of this process that the library works on; not positive ones are as many as there are cores.
    pub(crate) fn threads(&self, most: i32) -> Result<(), LightgbmError> {
        // SAFETY: the function takes a number.
        self.call(|| unsafe { (self.threads)(most) })
    }

    /// A data set of cells, which are copied.
    pub(crate) fn create(&self, cells: Cells<'_>, parameters: &CStr) -> Result<Handle, LightgbmError> {
        let mut handle: Handle = ptr::null_mut();
        // SAFETY: the cells are as many as rows times columns, which `Matrix` holds.
        let create = || unsafe {
            (self.create)(
                cells.values.as_ptr().cast(),
                FLOAT32,
                cells.rows,
                cells.columns,
                1,
                parameters.as_ptr(),
                ptr::null_mut(),
                &raw mut handle,
            )
        };
        self.call(create).map(|()| handle)
    }

    /// Gives a data set a column of float32, such as `label` or `weight`, which is copied.
    pub(crate) fn floats(&self, dataset: Handle, name: &CStr, values: &[f32]) -> Result<(), LightgbmError> {
        let count = counted(values.len(), "rows")?;
        // SAFETY: the handle is that of a data set, and as many values are read as there are.
        self.call(|| unsafe { (self.field)(dataset, name.as_ptr(), values.as_ptr().cast(), count, FLOAT32) })
    }

    /// Gives a data set the sizes of its groups, which are copied.
    pub(crate) fn sizes(&self, dataset: Handle, name: &CStr, values: &[i32]) -> Result<(), LightgbmError> {
        let count = counted(values.len(), "groups")?;
        // SAFETY: as in `floats`.
        self.call(|| unsafe { (self.field)(dataset, name.as_ptr(), values.as_ptr().cast(), count, INT32) })
    }

    pub(crate) fn free_dataset(&self, dataset: Handle) {
        // SAFETY: the handle is that of a data set that is used by nobody any more. Freeing has no failure to tell.
        unsafe { (self.free_dataset)(dataset) };
    }

    /// A booster over a data set, which must outlive it.
    pub(crate) fn booster(&self, dataset: Handle, parameters: &CStr) -> Result<Handle, LightgbmError> {
        let mut handle: Handle = ptr::null_mut();
        // SAFETY: the handle is that of a data set.
        self.call(|| unsafe { (self.new)(dataset, parameters.as_ptr(), &raw mut handle) }).map(|()| handle)
    }

    pub(crate) fn free_booster(&self, booster: Handle) {
        // SAFETY: the handle is that of a booster that is used by nobody any more. Freeing has no failure to tell.
        unsafe { (self.free_booster)(booster) };
    }

    /// One round of boosting on the data set that the booster was made with, without which this ends the process; whether there
    /// is nothing left to gain.
    pub(crate) fn step(&self, booster: Handle) -> Result<bool, LightgbmError> {
        self.number(self.step, booster).map(|finished| finished != 0)
    }

    pub(crate) fn classes(&self, booster: Handle) -> Result<i32, LightgbmError> {
        self.number(self.classes, booster)
    }

    pub(crate) fn features(&self, booster: Handle) -> Result<i32, LightgbmError> {
        self.number(self.features, booster)
    }

    fn number(&self, of: Step, booster: Handle) -> Result<i32, LightgbmError> {
        let mut number = 0;
        // SAFETY: the handle is that of a booster, and the function writes one number.
        self.call(|| unsafe { of(booster, &raw mut number) }).map(|()| number)
    }

    /// The raw outputs of rows by the rounds `first .. first + rounds`, all from the first on if these are not positive.
    pub(crate) fn predict(
        &self,
        booster: Handle,
        cells: Cells<'_>,
        (first, rounds): (i32, i32),
        outputs: &mut [f64],
    ) -> Result<(), LightgbmError> {
        let mut written = 0_i64;
        // SAFETY: the cells are as in `create`, and the library writes as many numbers as rows times classes, which is how
        // long `outputs` is.
        let predict = || unsafe {
            (self.predict)(
                booster,
                cells.values.as_ptr().cast(),
                FLOAT32,
                cells.rows,
                cells.columns,
                1,
                RAW,
                first,
                rounds,
                c"verbosity=-1".as_ptr(),
                &raw mut written,
                outputs.as_mut_ptr(),
            )
        };
        self.call(predict)
    }

    /// The first rounds as text, all of them if `rounds` is not positive.
    pub(crate) fn save(&self, booster: Handle, rounds: i32) -> Result<String, LightgbmError> {
        let mut buffer: Vec<u8> = vec![0; 1 << 20];
        loop {
            let (mut length, capacity) = (0_i64, i64::try_from(buffer.len()).unwrap_or(i64::MAX));
            // SAFETY: at most as many bytes are written as the buffer is long; how many were needed is told.
            self.call(|| unsafe {
                (self.save)(booster, 0, rounds, 0, capacity, &raw mut length, buffer.as_mut_ptr().cast())
            })?;
            let needed = usize::try_from(length).unwrap_or_default();
            if needed <= buffer.len() {
                let text = CStr::from_bytes_until_nul(&buffer).map(CStr::to_string_lossy).unwrap_or_default();
                return Ok(text.into_owned());
            }
            buffer.resize(needed, 0);
        }
    }

    /// A booster from its text, and its number of rounds.
    pub(crate) fn load(&self, text: &str) -> Result<(Handle, i32), LightgbmError> {
        let text = CString::new(text).map_err(|_| LightgbmError::Refused("the text holds a zero".to_owned()))?;
        let (mut handle, mut rounds): (Handle, c_int) = (ptr::null_mut(), 0);
        // SAFETY: the text ends with a zero.
        self.call(|| unsafe { (self.load)(text.as_ptr(), &raw mut rounds, &raw mut handle) })?;
        Ok((handle, rounds))
    }
}

/// A count as the interface has them.
pub(crate) fn counted(count: usize, what: &str) -> Result<i32, LightgbmError> {
    i32::try_from(count).map_err(|_| LightgbmError::TooMany(format!("{count} {what}")))
}
