//! The parts of a slice header that are about reference pictures: modification
//! of their lists (7.3.3.1, 7.4.3.1), weights (7.3.3.2), marking (7.3.3.3,
//! 7.4.3.3).

use super::parameter_sets::H264Pps;
use super::sps::H264Sps;
use crate::MediaError;
use crate::codec::bits::{BitReader, BitWriter};

/// Maximum number of operations in one list of a header.
const MAX_OPERATIONS: usize = 66;

/// `slice_type` (7.4.3), which is the same for all macroblocks of the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceType {
    /// Predicted from RefPicList0.
    P,
    /// Predicted from RefPicList0 and RefPicList1.
    B,
    /// Predicted from no other picture.
    I,
}

impl SliceType {
    /// How many reference picture lists the slice has.
    pub fn list_count(self) -> usize {
        match self {
            SliceType::I => 0,
            SliceType::P => 1,
            SliceType::B => 2,
        }
    }
}

/// One operation of `ref_pic_list_modification`: the next place of the list
/// takes the picture of another `PicNum` (7.4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefPicListModification {
    /// `modification_of_pic_nums_idc`: 0 subtracts the difference, 1 adds it.
    pub modification_of_pic_nums_idc: u32,
    /// `abs_diff_pic_num_minus1`.
    pub abs_diff_pic_num_minus1: u32,
}

/// The modification of each list; none where its initial order holds.
pub type RefPicListModifications = [Option<Vec<RefPicListModification>>; 2];

/// `dec_ref_pic_marking` of a picture that is no IDR picture (7.4.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefPicMarking {
    /// The oldest reference picture goes when the buffer is full (8.2.5.3).
    SlidingWindow,
    /// `adaptive_ref_pic_marking_mode_flag`: `difference_of_pic_nums_minus1` of
    /// each `memory_management_control_operation` 1 (8.2.5.4).
    Adaptive(Vec<u32>),
}

/// Reads `ref_pic_list_modification` (7.3.3.1).
pub(super) fn read_modifications(
    bits: &mut BitReader<'_>,
    slice_type: SliceType,
) -> Result<RefPicListModifications, MediaError> {
    let mut lists = [None, None];
    for list in lists.iter_mut().take(slice_type.list_count()) {
        *list = read_modification(bits)?;
    }
    Ok(lists)
}

fn read_modification(
    bits: &mut BitReader<'_>,
) -> Result<Option<Vec<RefPicListModification>>, MediaError> {
    if !bits.bit()? {
        return Ok(None);
    }
    let mut operations = Vec::new();
    loop {
        match bits.ue_to(3)? {
            3 => return Ok(Some(operations)),
            2 => return Err(long_term()),
            modification_of_pic_nums_idc => operations.push(RefPicListModification {
                modification_of_pic_nums_idc,
                abs_diff_pic_num_minus1: bits.ue()?,
            }),
        }
        if operations.len() > MAX_OPERATIONS {
            return Err(unreadable());
        }
    }
}

/// Writes `ref_pic_list_modification`.
pub(super) fn write_modifications(
    bits: &mut BitWriter,
    slice_type: SliceType,
    lists: &RefPicListModifications,
) {
    for operations in lists.iter().take(slice_type.list_count()) {
        bits.bit(operations.is_some());
        if let Some(operations) = operations {
            for operation in operations {
                bits.ue(operation.modification_of_pic_nums_idc);
                bits.ue(operation.abs_diff_pic_num_minus1);
            }
            bits.ue(3);
        }
    }
}

/// Skips `pred_weight_table` (7.3.3.2), where the slice has one.
pub(super) fn skip_pred_weight_table(
    bits: &mut BitReader<'_>,
    sps: &H264Sps,
    pps: &H264Pps,
    slice_type: SliceType,
    num_ref_idx_active: [u32; 2],
) -> Result<(), MediaError> {
    let present = match slice_type {
        SliceType::P => pps.weighted_pred,
        SliceType::B => pps.explicit_weighted_bipred,
        SliceType::I => false,
    };
    if !present {
        return Ok(());
    }
    let chroma = sps.format.chroma_format != 0;
    bits.ue_to(7)?; // luma_log2_weight_denom
    if chroma {
        bits.ue_to(7)?; // chroma_log2_weight_denom
    }
    for count in num_ref_idx_active.into_iter().take(slice_type.list_count()) {
        for _ in 0..count {
            // A weight and an offset for luma, and for both chroma components.
            for numbers in [2, 4].into_iter().take(if chroma { 2 } else { 1 }) {
                if bits.bit()? {
                    for _ in 0..numbers {
                        bits.se()?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Reads `dec_ref_pic_marking` of a non-IDR picture (7.3.3.3).
pub(super) fn read_marking(bits: &mut BitReader<'_>) -> Result<RefPicMarking, MediaError> {
    if !bits.bit()? {
        return Ok(RefPicMarking::SlidingWindow);
    }
    let mut differences = Vec::new();
    loop {
        match bits.ue_to(6)? {
            0 => return Ok(RefPicMarking::Adaptive(differences)),
            1 => differences.push(bits.ue()?),
            _ => return Err(long_term()),
        }
        if differences.len() > MAX_OPERATIONS {
            return Err(unreadable());
        }
    }
}

/// Writes `dec_ref_pic_marking` of a non-IDR picture.
pub(super) fn write_marking(bits: &mut BitWriter, marking: &RefPicMarking) {
    match marking {
        RefPicMarking::SlidingWindow => bits.bit(false),
        RefPicMarking::Adaptive(differences) => {
            bits.bit(true);
            for difference in differences {
                bits.ue(1);
                bits.ue(*difference);
            }
            bits.ue(0);
        }
    }
}

fn long_term() -> MediaError {
    MediaError::unsupported("H.264 with long-term reference pictures")
}

pub(super) fn unreadable() -> MediaError {
    MediaError::damaged("a slice header that can't be read")
}
