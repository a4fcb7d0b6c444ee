// Arabic: Modern Standard, plain, in the polite plural that fits everybody. What every page needs at once.
import type { Of } from "../en";

export const words: Of<"common"> = {
  "lang.label": "اللغة",

  "exit.label": "خروج سريع",

  "title.client": "موعد",
  "title.desk": "المكتب",

  "skip": "الانتقال إلى المحتوى",

  "loading": "لحظة من فضلكم…",

  "code": "رمز لمن يساعدكم: {code}",

  "dialog.close": "إغلاق",

  "device.camera.denied": "لا يُسمح لنا باستعمال الكاميرا. يمكنكم المتابعة من دونها، أو السماح بها في إعدادات المتصفح لهذه الصفحة.",
  "device.camera.absent": "لم نجد كاميرا. يمكنكم المتابعة من دونها.",
  "device.camera.busy": "لم نتمكن من الوصول إلى الكاميرا. ربما يستعملها برنامج آخر. يمكنكم المتابعة من دونها.",
  "device.microphone.denied": "لا يُسمح لنا باستعمال الميكروفون. يمكنكم الاستماع والكتابة، أو السماح به في إعدادات المتصفح لهذه الصفحة.",
  "device.microphone.absent": "لم نجد ميكروفونًا. يمكنكم الاستماع والكتابة.",
  "device.microphone.busy": "لم نتمكن من الوصول إلى الميكروفون. ربما يستعمله برنامج آخر. يمكنكم الاستماع والكتابة.",

  "notice.bad_link.title": "هذا الرابط غير كامل",
  "notice.bad_link.text": "ربما انقطع جزء منه. الرجاء فتح الرابط كله من جديد، أو طلب إرساله مرة أخرى.",
  "notice.no_link.title": "الرجاء فتح رابطكم من جديد",
  "notice.no_link.text": "حفاظًا على سلامتكم تنسى هذه الصفحة الرابط عند إعادة تحميلها. افتحوا الرسالة التي فيها الرابط واضغطوا عليه مرة أخرى.",
  "notice.unsupported.title": "هذا المتصفح لا يحفظ الخصوصية",
  "notice.unsupported.text": "ينقصه ما نحتاج إليه لختم الصورة والصوت. الرجاء استعمال إصدار أحدث من Chrome أو Edge أو Firefox أو Safari، أو جهاز آخر.",
  "notice.needs_setup.title": "لم يُجهَّز بعد",
  "notice.needs_setup.text": "لا حساب على هذا الخادم بعد. افتحوا رابط التجهيز الذي طبعه عند تشغيله.",
  "notice.offline.title": "لا يمكننا الوصول إلى الخادم",
  "notice.offline.text": "الرجاء التحقق من اتصالكم والمحاولة من جديد.",
  "notice.setup_done.title": "جُهّز من قبل",
  "notice.setup_done.text": "على هذا الخادم حسابه الأول. الرجاء الدخول.",
  "notice.failed.title": "لم نتمكن من البدء بأمان",
  "notice.failed.text": "لم يعمل جزء من هذه الصفحة، فلم يُرسل شيء. الرجاء إعادة تحميل الصفحة أو استعمال متصفح آخر.",
};
