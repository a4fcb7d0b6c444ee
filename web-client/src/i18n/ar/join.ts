// Arabic: Modern Standard, plain, in the polite plural that fits everybody. The way in: link, devices, waiting room.
import type { Of } from "../en";

export const words: Of<"join"> = {
  "join.title": "محادثة خاصة",
  "join.step1": "تكتبون الاسم الذي نناديكم به، وتجرّبون الكاميرا والميكروفون.",
  "join.step2": "تنتظرون قليلًا، ثم يُدخلكم الشخص المختص.",
  "join.step3": "تتحدثون معًا. يمكنكم المغادرة متى شئتم.",
  "join.name": "بأي اسم نناديكم؟",
  "join.name_hint": "الاسم الأول، أو أي اسم تختارونه. لا يراه إلا من في الغرفة.",
  "join.name_missing": "الرجاء كتابة اسم. لا يلزم أن يكون اسمكم الحقيقي.",
  "join.privacy": "لا أحد غير الموجودين في هذه الغرفة يستطيع أن يرى أو يسمع أو يقرأ ما يدور هنا. لكن سجل المتصفح يُظهر أنكم فتحتم هذه الصفحة.",
  "join.next": "بعد ذلك يسألكم المتصفح عن الكاميرا والميكروفون. يمكنكم الرفض.",
  "join.continue": "متابعة",

  "devices.title": "تجربة الصورة والصوت",
  "devices.asking": "يسأل متصفحكم هل يُسمح لنا باستعمال الكاميرا والميكروفون. الرجاء اختيار «سماح»، أو المتابعة من دونهما.",
  "devices.preview": "صورتكم كما في المرآة",
  "devices.level": "مستوى صوتكم",
  "devices.ok": "الكاميرا والميكروفون يعملان.",
  "devices.camera_off": "الكاميرا مغلقة",
  "devices.not_seen_yet": "لا أحد يراكم أو يسمعكم بعد.",
  "devices.knock": "طلب الدخول",
  "devices.no_camera": "المتابعة من دون كاميرا",
  "devices.retry": "محاولة أخرى",
  "devices.back": "رجوع",

  "waiting.title": "الرجاء الانتظار قليلًا",
  "waiting.text": "يعرف الشخص المختص أنكم هنا وسوف يُدخلكم. لا أحد يراكم أو يسمعكم بعد.",
  "waiting.connecting": "جارٍ الاتصال…",
  "waiting.joining": "يجري إدخالكم وتأمين الخط…",
  "waiting.joining_title": "تفضلوا بالدخول",
  "waiting.reconnecting": "انقطع الاتصال. نحاول من جديد تلقائيًا.",
  "waiting.return": "يمكنكم مغادرة هذه الصفحة والعودة لاحقًا بالرابط نفسه.",
  "waiting.leave": "مغادرة",
};
