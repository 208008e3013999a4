// System.Reflection.Emit.DynamicMethod: arithmetic, locals, branches, switch, calls, fields, strings, exceptions, ldtoken, generics, calli.
using System;
using System.Reflection;
using System.Reflection.Emit;

class Holder
{
    public int number = 5;
    public static string shared = "shared";
    string secret = "secret";
    public string Describe(int n) { return "described " + n + " " + secret; }
    public virtual string Name { get { return "Holder"; } }
    public static T Same<T>(T x) { return x; }
}

class Derived : Holder { public override string Name { get { return "Derived"; } } }

class Program
{
    delegate int BinOp(int a, int b);
    delegate void Action3(ref int x, int[] a, string s);

    static int Twice(int x) { return 2 * x; }

    static T Make<T>(string name, Action<ILGenerator> body, Type ret, params Type[] args) where T : class
    {
        var m = new DynamicMethod(name, ret, args, typeof(Program).Module, true);
        body(m.GetILGenerator());
        return (T)(object)m.CreateDelegate(typeof(T));
    }

    static void Main()
    {
        var add = Make<BinOp>("Add", il => { il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldarg_1); il.Emit(OpCodes.Add); il.Emit(OpCodes.Ret); }, typeof(int), typeof(int), typeof(int));
        Console.WriteLine(add(3, 4));

        var sum = Make<Func<int, int>>("Sum", il =>
        {
            var total = il.DeclareLocal(typeof(int));
            var i = il.DeclareLocal(typeof(int));
            Label test = il.DefineLabel(), loop = il.DefineLabel();
            il.Emit(OpCodes.Br, test);
            il.MarkLabel(loop);
            il.Emit(OpCodes.Ldloc, total); il.Emit(OpCodes.Ldloc, i); il.Emit(OpCodes.Add); il.Emit(OpCodes.Stloc, total);
            il.Emit(OpCodes.Ldloc, i); il.Emit(OpCodes.Ldc_I4_1); il.Emit(OpCodes.Add); il.Emit(OpCodes.Stloc, i);
            il.MarkLabel(test);
            il.Emit(OpCodes.Ldloc, i); il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Blt, loop);
            il.Emit(OpCodes.Ldloc, total); il.Emit(OpCodes.Ret);
        }, typeof(int), typeof(int));
        Console.WriteLine(sum(101));

        var members = Make<Func<Holder, string>>("Members", il =>
        {
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldfld, typeof(Holder).GetField("number"));
            il.EmitCall(OpCodes.Call, typeof(Program).GetMethod("Twice", BindingFlags.Static | BindingFlags.NonPublic), null);
            il.Emit(OpCodes.Callvirt, typeof(Holder).GetMethod("Describe"));
            il.Emit(OpCodes.Ldstr, " + ");
            il.Emit(OpCodes.Ldsfld, typeof(Holder).GetField("shared"));
            il.Emit(OpCodes.Call, typeof(string).GetMethod("Concat", new[] { typeof(string), typeof(string), typeof(string) }));
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Callvirt, typeof(Holder).GetProperty("Name").GetGetMethod());
            il.Emit(OpCodes.Call, typeof(string).GetMethod("Concat", new[] { typeof(string), typeof(string) }));
            il.Emit(OpCodes.Ret);
        }, typeof(string), typeof(Holder));
        Console.WriteLine(members(new Holder()));
        Console.WriteLine(members(new Derived { number = 50 }));

        var secret = Make<Func<Holder, string>>("Secret", il =>
        {
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Ldfld, typeof(Holder).GetField("secret", BindingFlags.Instance | BindingFlags.NonPublic));
            il.Emit(OpCodes.Ret);
        }, typeof(string), typeof(Holder));
        Console.WriteLine(secret(new Holder()));

        var refs = Make<Action3>("Refs", il =>
        {
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldarg_1); il.Emit(OpCodes.Ldc_I4_1); il.Emit(OpCodes.Ldelem_I4); il.Emit(OpCodes.Stind_I4);
            il.Emit(OpCodes.Ldarg_1); il.Emit(OpCodes.Ldc_I4_0); il.Emit(OpCodes.Ldarg_2); il.Emit(OpCodes.Callvirt, typeof(string).GetProperty("Length").GetGetMethod()); il.Emit(OpCodes.Stelem_I4);
            il.Emit(OpCodes.Ret);
        }, typeof(void), typeof(int).MakeByRefType(), typeof(int[]), typeof(string));
        int x = 1; var a = new[] { 10, 20 };
        refs(ref x, a, "four");
        Console.WriteLine(x + " " + a[0]);

        var guarded = Make<Func<int, int, string>>("Guarded", il =>
        {
            var text = il.DeclareLocal(typeof(string));
            var n = il.DeclareLocal(typeof(int));
            il.BeginExceptionBlock();
            il.BeginExceptionBlock();
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldarg_1); il.Emit(OpCodes.Div); il.Emit(OpCodes.Stloc, n);
            il.Emit(OpCodes.Ldloca, n); il.Emit(OpCodes.Call, typeof(int).GetMethod("ToString", Type.EmptyTypes)); il.Emit(OpCodes.Stloc, text);
            il.BeginCatchBlock(typeof(DivideByZeroException));
            il.Emit(OpCodes.Callvirt, typeof(object).GetMethod("GetType")); il.Emit(OpCodes.Callvirt, typeof(MemberInfo).GetProperty("Name").GetGetMethod()); il.Emit(OpCodes.Stloc, text);
            il.BeginCatchBlock(typeof(Exception));
            il.Emit(OpCodes.Pop); il.Emit(OpCodes.Ldstr, "other"); il.Emit(OpCodes.Stloc, text);
            il.EndExceptionBlock();
            il.BeginFinallyBlock();
            il.Emit(OpCodes.Ldstr, "finally"); il.Emit(OpCodes.Call, typeof(Console).GetMethod("WriteLine", new[] { typeof(string) }));
            il.EndExceptionBlock();
            il.Emit(OpCodes.Ldloc, text); il.Emit(OpCodes.Ret);
        }, typeof(string), typeof(int), typeof(int));
        Console.WriteLine(guarded(84, 2) + " " + guarded(1, 0) + " " + guarded(int.MinValue, -1));

        var token = Make<Func<string>>("Token", il =>
        {
            il.Emit(OpCodes.Ldtoken, typeof(System.Collections.Generic.Dictionary<string, int>));
            il.Emit(OpCodes.Call, typeof(Type).GetMethod("GetTypeFromHandle"));
            il.Emit(OpCodes.Callvirt, typeof(object).GetMethod("ToString"));
            il.Emit(OpCodes.Ret);
        }, typeof(string));
        Console.WriteLine(token());

        var generic = Make<Func<long, long>>("Generic", il =>
        {
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Call, typeof(Holder).GetMethod("Same").MakeGenericMethod(typeof(long)));
            il.Emit(OpCodes.Box, typeof(long)); il.Emit(OpCodes.Unbox_Any, typeof(long));
            il.Emit(OpCodes.Ret);
        }, typeof(long), typeof(long));
        Console.WriteLine(generic(1L << 40));

        var pick = Make<Func<int, string>>("Pick", il =>
        {
            var cases = new[] { il.DefineLabel(), il.DefineLabel(), il.DefineLabel() };
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Switch, cases);
            il.Emit(OpCodes.Ldstr, "none"); il.Emit(OpCodes.Ret);
            for (int i = 0; i < 3; i++) { il.MarkLabel(cases[i]); il.Emit(OpCodes.Ldstr, "case " + i); il.Emit(OpCodes.Ret); }
        }, typeof(string), typeof(int));
        Console.WriteLine(pick(0) + " " + pick(2) + " " + pick(3) + " " + pick(-1));

        var indirect = Make<Func<int, int>>("Indirect", il =>
        {
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Ldftn, typeof(Program).GetMethod("Twice", BindingFlags.Static | BindingFlags.NonPublic));
            il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(int), new[] { typeof(int) }, null);
            il.Emit(OpCodes.Ret);
        }, typeof(int), typeof(int));
        Console.WriteLine(indirect(21));

        // Recursion, a closed delegate, Invoke, and no owner.
        var fact = new DynamicMethod("Fact", typeof(int), new[] { typeof(int) });
        {
            var il = fact.GetILGenerator();
            var more = il.DefineLabel();
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Brtrue, more);
            il.Emit(OpCodes.Ldc_I4_1); il.Emit(OpCodes.Ret);
            il.MarkLabel(more);
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldc_I4_1); il.Emit(OpCodes.Sub);
            il.Emit(OpCodes.Call, typeof(Program).GetMethod("Twice", BindingFlags.Static | BindingFlags.NonPublic));
            il.Emit(OpCodes.Mul); il.Emit(OpCodes.Ret);
        }
        Console.WriteLine(fact.Invoke(null, new object[] { 5 }) + " " + fact.Name + " " + fact.ReturnType + " " + fact.GetParameters().Length);
        var closed = new DynamicMethod("Closed", typeof(string), new[] { typeof(string), typeof(int) }, typeof(Holder), true);
        {
            var il = closed.GetILGenerator();
            il.Emit(OpCodes.Ldarg_0); il.Emit(OpCodes.Ldarga_S, (byte)1); il.Emit(OpCodes.Call, typeof(int).GetMethod("ToString", Type.EmptyTypes));
            il.Emit(OpCodes.Call, typeof(string).GetMethod("Concat", new[] { typeof(string), typeof(string) })); il.Emit(OpCodes.Ret);
        }
        var f = (Func<int, string>)closed.CreateDelegate(typeof(Func<int, string>), "n = ");
        Console.WriteLine(f(12));

        var thrower = Make<Action>("Thrower", il => { il.Emit(OpCodes.Ldstr, "thrown"); il.Emit(OpCodes.Newobj, typeof(InvalidOperationException).GetConstructor(new[] { typeof(string) })); il.Emit(OpCodes.Throw); }, typeof(void));
        try { thrower(); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
        try { new DynamicMethod("Empty", typeof(void), Type.EmptyTypes).CreateDelegate(typeof(Action)); } catch (InvalidOperationException e) { Console.WriteLine(e.Message); }
        for (int i = 0; i < 200; i++)
        {
            int k = i;
            var constant = Make<Func<int>>("K" + i, il => { il.Emit(OpCodes.Ldc_I4, k); il.Emit(OpCodes.Ret); }, typeof(int));
            if (constant() != i) Console.WriteLine("wrong " + i);
        }
        Console.WriteLine("done");
    }
}
