// Simplified Chinese, with 您. The way in: link, devices, waiting room.
import type { Of } from "../en";

export const words: Of<"join"> = {
  "join.title": "一次私密的会谈",
  "join.step1": "告诉我们怎么称呼您，并检查摄像头和麦克风。",
  "join.step2": "稍等片刻，咨询师会请您进来。",
  "join.step3": "开始交谈。您随时可以离开。",
  "join.name": "我们怎么称呼您？",
  "join.name_hint": "可以只写名字，或任何您喜欢的称呼。只有房间里的人能看到。",
  "join.name_missing": "请写一个称呼，不必是真名。",
  "join.privacy": "只有这个房间里的人能看到、听到和读到这里的内容。浏览器的历史记录仍会显示您打开过此页面。",
  "join.next": "接下来，浏览器会询问是否允许使用摄像头和麦克风。您可以拒绝。",
  "join.continue": "继续",

  "devices.title": "检查画面和声音",
  "devices.asking": "浏览器正在询问是否允许使用摄像头和麦克风。请选择“允许”，也可以不用它们继续。",
  "devices.preview": "您的画面，如同照镜子",
  "devices.level": "您的音量",
  "devices.ok": "您的摄像头和麦克风正常。",
  "devices.camera_off": "摄像头已关闭",
  "devices.not_seen_yet": "现在还没有人能看到或听到您。",
  "devices.knock": "请求进入",
  "devices.no_camera": "不用摄像头继续",
  "devices.retry": "再试一次",
  "devices.back": "返回",

  "waiting.title": "请稍等片刻",
  "waiting.text": "咨询师已经知道您到了，会请您进来。现在还没有人能看到或听到您。",
  "waiting.connecting": "正在连接…",
  "waiting.joining": "正在请您进来，并为通话加密…",
  "waiting.joining_title": "请进",
  "waiting.reconnecting": "连接断开了，我们会自动重试。",
  "waiting.return": "您可以离开此页面，稍后用同一个链接回来。",
  "waiting.leave": "离开",
};
