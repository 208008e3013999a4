//! flags: -unsafe
// Calls with variable arguments: all kinds of arguments, iterators over them, filters, references across collections, reflection.
using System;
using System.Runtime.InteropServices;
class V {
  struct S { public int a; public long b; public string s; }
  static int Sum(__arglist) { var it = new ArgIterator(__arglist); int s = 0; while (it.GetRemainingCount() > 0) s += __refvalue(it.GetNextArg(), int); return s; }
  static void Show(string tag, __arglist) {
    var it = new ArgIterator(__arglist);
    Console.WriteLine(tag + " " + it.GetRemainingCount());
    while (it.GetRemainingCount() > 0) {
      Type t = Type.GetTypeFromHandle(it.GetNextArgType());
      TypedReference r = it.GetNextArg();
      Console.WriteLine("  {0} {1} {2}", t, __reftype(r), TypedReference.ToObject(r));
    }
    try { it.GetNextArg(); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
  }
  class C { int k; public C(int k) { this.k = k; } public C(int k, __arglist) { var it = new ArgIterator(__arglist); this.k = k + it.GetRemainingCount(); }
    public virtual string M(__arglist) { var it = new ArgIterator(__arglist); return "C" + k + ":" + it.GetRemainingCount(); } }
  class D : C { public D() : base(10) {} public override string M(__arglist) { return "D" + base.M(__arglist(1, "x", 2.0)); } }
  static int WithFilter(int d, __arglist) {
    try { return 10 / d; }
    catch (DivideByZeroException) when (new ArgIterator(__arglist).GetRemainingCount() == 2) { var it = new ArgIterator(__arglist); return it.GetRemainingCount() + 100; }
  }
  static object Make() { for (int i = 0; i < 1000; i++) { var o = new byte[100]; } GC.Collect(); return "made"; }
  static string Refs(__arglist) { Make(); var it = new ArgIterator(__arglist); string r = ""; while (it.GetRemainingCount() > 0) { Make(); r += __refvalue(it.GetNextArg(), object); } return r; }
  static void Set(__arglist) { var it = new ArgIterator(__arglist); var r = it.GetNextArg(); __refvalue(r, int) = 5; Console.WriteLine(__refvalue(r, int)); }
  static string Gen<T>(T x) { return Refs(__arglist((object)x, (object)typeof(T))); }
  static unsafe void Main() {
    Console.WriteLine(Sum(__arglist()));
    Console.WriteLine(Sum(__arglist(1, 2, 3)));
    var s = new S { a = 1, b = 2, s = "str" };
    Show("all", __arglist((sbyte)-1, (byte)200, (short)-3, 'c', true, 2.5, 12345678901L, "string", s, new int[3], DateTimeKind.Utc, (object)null, 12.5m, (int?)3, IntPtr.Zero));
    C c = new D(); Console.WriteLine(c.M(__arglist(1)));
    Console.WriteLine(new C(5, __arglist()).M(__arglist()));
    Console.WriteLine(WithFilter(0, __arglist(1, 2)));
    try { WithFilter(0, __arglist(1)); } catch (DivideByZeroException) { Console.WriteLine("not taken"); }
    Console.WriteLine(Refs(__arglist((object)("a" + Sum(__arglist(4, 5))), (object)("b" + 1), (object)12)));
    Set(__arglist(4));
    Console.WriteLine(Gen("x")); Console.WriteLine(Gen(3));
    var mi = typeof(V).GetMethod("Sum", System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.NonPublic);
    Console.WriteLine(mi.CallingConvention);
    try { Console.WriteLine(mi.Invoke(null, new object[0])); } catch (Exception e) { Console.WriteLine(e.GetType()); }
  }
}
