// Classes, structs, enums, interfaces and delegates made at run time, with every kind of member.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

[AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
public class MarkAttribute : Attribute
{
    public readonly string Text;
    public int Number { get; set; }
    public Type Kind;
    public MarkAttribute(string text) { Text = text; }
    public MarkAttribute(object[] list, DayOfWeek day) { Text = list.Length + "/" + day + "/" + list[0]; }
}

public interface IShape { double Area(); string Name { get; } }
public abstract class Animal { public abstract string Sound(); public virtual int Legs => 4; public override string ToString() => Sound() + Legs; }

class Program
{
    static AssemblyBuilder assembly;
    static ModuleBuilder module;

    static void Main()
    {
        assembly = AppDomain.CurrentDomain.DefineDynamicAssembly(new AssemblyName("Made") { Version = new Version(1, 2, 3, 4) }, AssemblyBuilderAccess.Run);
        module = assembly.DefineDynamicModule("Made");
        Simple();
        Interfaces();
        Override();
        Enums();
        Structs();
        Generics();
        GenericMethods();
        Mutual();
        Nested();
        Delegates();
        Exceptions();
        Properties();
        Attributes();
        Data();
        Names();
        Statics();
    }

    static void Simple()
    {
        Console.WriteLine("-- simple");
        TypeBuilder tb = module.DefineType("Space.Counter", TypeAttributes.Public);
        FieldBuilder count = tb.DefineField("count", typeof(int), FieldAttributes.Private);
        ConstructorBuilder ctor = tb.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, new[] { typeof(int) });
        ILGenerator il = ctor.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(object).GetConstructor(Type.EmptyTypes));
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Stfld, count);
        il.Emit(OpCodes.Ret);
        MethodBuilder add = tb.DefineMethod("Add", MethodAttributes.Public, typeof(int), new[] { typeof(int) });
        add.DefineParameter(1, ParameterAttributes.None, "amount");
        il = add.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, count);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stfld, count);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, count);
        il.Emit(OpCodes.Ret);
        MethodBuilder twice = tb.DefineMethod("Twice", MethodAttributes.Public | MethodAttributes.Static, typeof(string), new[] { typeof(string) });
        il = twice.GetILGenerator();
        il.Emit(OpCodes.Ldstr, "twice: ");
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(string).GetMethod("Concat", new[] { typeof(string), typeof(string), typeof(string) }));
        il.Emit(OpCodes.Ret);
        Type type = tb.CreateType();
        object o = Activator.CreateInstance(type, 40);
        Console.WriteLine(type.GetMethod("Add").Invoke(o, new object[] { 2 }));
        dynamicCall = (Func<int, int>)Delegate.CreateDelegate(typeof(Func<int, int>), o, type.GetMethod("Add"));
        Console.WriteLine(dynamicCall(8));
        Console.WriteLine(type.GetMethod("Twice").Invoke(null, new object[] { "ab" }));
        Console.WriteLine("{0} {1} {2} {3}", type, type.FullName, type.Namespace, type.BaseType);
        Console.WriteLine(type.AssemblyQualifiedName);
        foreach (MethodInfo m in type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public))
            Console.WriteLine("{0}: {1}", m, string.Join(",", m.GetParameters().Select(p => p.ParameterType.Name + " " + p.Name)));
        foreach (FieldInfo f in type.GetFields(BindingFlags.NonPublic | BindingFlags.Instance)) Console.WriteLine("{0} = {1}", f, f.GetValue(o));
        Console.WriteLine(o.GetType() == type);
        Console.WriteLine(type.Assembly == assembly);
        Console.WriteLine(type.Module == module);
        Console.WriteLine(assembly.GetType("Space.Counter") == type);
        Console.WriteLine(module.GetTypes().Length);
    }
    static Func<int, int> dynamicCall;

    static void Interfaces()
    {
        Console.WriteLine("-- interfaces");
        TypeBuilder tb = module.DefineType("Square", TypeAttributes.Public | TypeAttributes.Sealed, typeof(object), new[] { typeof(IShape) });
        FieldBuilder side = tb.DefineField("Side", typeof(double), FieldAttributes.Public);
        tb.DefineDefaultConstructor(MethodAttributes.Public);
        MethodBuilder area = tb.DefineMethod("Area", MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.Final | MethodAttributes.NewSlot, typeof(double), Type.EmptyTypes);
        ILGenerator il = area.GetILGenerator();
        LocalBuilder local = il.DeclareLocal(typeof(double));
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, side);
        il.Emit(OpCodes.Stloc, local);
        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Ret);
        MethodBuilder name = tb.DefineMethod("HiddenName", MethodAttributes.Private | MethodAttributes.Virtual | MethodAttributes.Final | MethodAttributes.NewSlot, typeof(string), Type.EmptyTypes);
        il = name.GetILGenerator();
        il.Emit(OpCodes.Ldstr, "square");
        il.Emit(OpCodes.Ret);
        tb.DefineMethodOverride(name, typeof(IShape).GetProperty("Name").GetGetMethod());
        Type type = tb.CreateType();
        IShape shape = (IShape)Activator.CreateInstance(type);
        type.GetField("Side").SetValue(shape, 3.0);
        Console.WriteLine("{0} {1} {2}", shape.Name, shape.Area(), shape is IShape);

        TypeBuilder own = module.DefineType("IOwn", TypeAttributes.Public | TypeAttributes.Interface | TypeAttributes.Abstract);
        MethodBuilder get = own.DefineMethod("Get", MethodAttributes.Public | MethodAttributes.Abstract | MethodAttributes.Virtual | MethodAttributes.HideBySig | MethodAttributes.NewSlot, typeof(int), new[] { typeof(int) });
        TypeBuilder impl = module.DefineType("Own", TypeAttributes.Public, typeof(object));
        impl.AddInterfaceImplementation(own);
        impl.DefineDefaultConstructor(MethodAttributes.Public);
        MethodBuilder body = impl.DefineMethod("Get", MethodAttributes.Public | MethodAttributes.Virtual, typeof(int), new[] { typeof(int) });
        il = body.GetILGenerator();
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, 1000);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ret);
        MethodBuilder call = impl.DefineMethod("Call", MethodAttributes.Public | MethodAttributes.Static, typeof(int), new[] { own });
        il = call.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I4_7);
        il.Emit(OpCodes.Callvirt, get);
        il.Emit(OpCodes.Ret);
        Type iface = own.CreateType();
        Type made = impl.CreateType();
        Console.WriteLine(made.GetMethod("Call").Invoke(null, new[] { Activator.CreateInstance(made) }));
        Console.WriteLine("{0} {1}", iface.IsInterface, iface.IsAssignableFrom(made));
        Console.WriteLine(string.Join(" ", made.GetInterfaces().Select(i => i.Name)));
    }

    static void Override()
    {
        Console.WriteLine("-- override");
        TypeBuilder tb = module.DefineType("Bird", TypeAttributes.Public, typeof(Animal));
        MethodBuilder sound = tb.DefineMethod("Sound", MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.HideBySig, typeof(string), null);
        ILGenerator il = sound.GetILGenerator();
        il.Emit(OpCodes.Ldstr, "tweet");
        il.Emit(OpCodes.Ret);
        MethodBuilder legs = tb.DefineMethod("get_Legs", MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.HideBySig | MethodAttributes.SpecialName, typeof(int), null);
        il = legs.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(Animal).GetMethod("get_Legs"));
        il.Emit(OpCodes.Ldc_I4_2);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Ret);
        Type type = tb.CreateType();
        Animal a = (Animal)Activator.CreateInstance(type);
        Console.WriteLine(a);
        Console.WriteLine(type.GetMethod("Sound").GetBaseDefinition().DeclaringType);
    }

    static void Enums()
    {
        Console.WriteLine("-- enums");
        EnumBuilder eb = module.DefineEnum("Color", TypeAttributes.Public, typeof(byte));
        eb.DefineLiteral("Red", (byte)1);
        eb.DefineLiteral("Blue", (byte)200);
        eb.SetCustomAttribute(new CustomAttributeBuilder(typeof(FlagsAttribute).GetConstructor(Type.EmptyTypes), new object[0]));
        Type color = eb.CreateType();
        Console.WriteLine("{0} {1} {2}", color.IsEnum, Enum.GetUnderlyingType(color), string.Join(",", Enum.GetNames(color)));
        object blue = Enum.Parse(color, "Blue");
        Console.WriteLine("{0} {1:D} {2}", blue, blue, Convert.ToInt32(blue));
        Console.WriteLine(Enum.ToObject(color, 201));

        TypeBuilder tb = module.DefineType("UsesColor", TypeAttributes.Public);
        MethodBuilder mb = tb.DefineMethod("Get", MethodAttributes.Public | MethodAttributes.Static, color, new[] { typeof(int) });
        ILGenerator il = mb.GetILGenerator();
        Label[] labels = { il.DefineLabel(), il.DefineLabel() };
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Switch, labels);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(labels[0]);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(labels[1]);
        il.Emit(OpCodes.Ldc_I4, 200);
        il.Emit(OpCodes.Ret);
        Type t = tb.CreateType();
        for (int i = 0; i < 3; i++) Console.WriteLine(t.GetMethod("Get").Invoke(null, new object[] { i }));
    }

    static void Structs()
    {
        Console.WriteLine("-- structs");
        TypeBuilder tb = module.DefineType("Pair", TypeAttributes.Public | TypeAttributes.SequentialLayout | TypeAttributes.Sealed, typeof(ValueType));
        FieldBuilder a = tb.DefineField("A", typeof(int), FieldAttributes.Public);
        FieldBuilder b = tb.DefineField("B", typeof(string), FieldAttributes.Public);
        MethodBuilder sum = tb.DefineMethod("Make", MethodAttributes.Public | MethodAttributes.Static, tb, new[] { typeof(int), typeof(string) });
        ILGenerator il = sum.GetILGenerator();
        LocalBuilder v = il.DeclareLocal(tb);
        il.Emit(OpCodes.Ldloca, v);
        il.Emit(OpCodes.Initobj, tb);
        il.Emit(OpCodes.Ldloca, v);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Stfld, a);
        il.Emit(OpCodes.Ldloca_S, v);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Stfld, b);
        il.Emit(OpCodes.Ldloc, v);
        il.Emit(OpCodes.Ret);
        TypeBuilder explicitLayout = module.DefineType("Union", TypeAttributes.Public | TypeAttributes.ExplicitLayout | TypeAttributes.Sealed, typeof(ValueType), 16);
        explicitLayout.DefineField("I", typeof(int), FieldAttributes.Public).SetOffset(0);
        explicitLayout.DefineField("F", typeof(float), FieldAttributes.Public).SetOffset(0);
        explicitLayout.DefineField("L", typeof(long), FieldAttributes.Public).SetOffset(8);
        Type pair = tb.CreateType();
        object p = pair.GetMethod("Make").Invoke(null, new object[] { 5, "five" });
        Console.WriteLine("{0} {1} {2} {3}", pair.GetField("A").GetValue(p), pair.GetField("B").GetValue(p), pair.IsValueType, p.Equals(pair.GetMethod("Make").Invoke(null, new object[] { 5, "five" })));
        Type union = explicitLayout.CreateType();
        object u = Activator.CreateInstance(union);
        union.GetField("F").SetValue(u, 1.0f);
        Console.WriteLine("{0:x} {1}", union.GetField("I").GetValue(u), System.Runtime.InteropServices.Marshal.SizeOf(union));
        Array array = Array.CreateInstance(pair, 3);
        array.SetValue(p, 1);
        Console.WriteLine("{0} {1}", array.GetType(), pair.GetField("A").GetValue(array.GetValue(1)));
    }

    static void Generics()
    {
        Console.WriteLine("-- generics");
        TypeBuilder tb = module.DefineType("Box`1", TypeAttributes.Public);
        GenericTypeParameterBuilder[] ps = tb.DefineGenericParameters("T");
        FieldBuilder value = tb.DefineField("value", ps[0], FieldAttributes.Public);
        FieldBuilder list = tb.DefineField("list", typeof(List<>).MakeGenericType(ps[0]), FieldAttributes.Public);
        ConstructorBuilder ctor = tb.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, new Type[] { ps[0] });
        ILGenerator il = ctor.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(object).GetConstructor(Type.EmptyTypes));
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Stfld, value);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Newobj, TypeBuilder.GetConstructor(typeof(List<>).MakeGenericType(ps[0]), typeof(List<>).GetConstructor(Type.EmptyTypes)));
        il.Emit(OpCodes.Stfld, list);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, list);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(typeof(List<>).MakeGenericType(ps[0]), typeof(List<>).GetMethod("Add")));
        il.Emit(OpCodes.Ret);
        MethodBuilder again = tb.DefineMethod("Again", MethodAttributes.Public, tb.MakeGenericType(ps[0]), Type.EmptyTypes);
        il = again.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, TypeBuilder.GetField(tb.MakeGenericType(ps[0]), value));
        il.Emit(OpCodes.Newobj, TypeBuilder.GetConstructor(tb.MakeGenericType(ps[0]), ctor));
        il.Emit(OpCodes.Ret);
        MethodBuilder show = tb.DefineMethod("Show", MethodAttributes.Public, typeof(string), Type.EmptyTypes);
        il = show.GetILGenerator();
        il.Emit(OpCodes.Ldtoken, ps[0]);
        il.Emit(OpCodes.Call, typeof(Type).GetMethod("GetTypeFromHandle"));
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, value);
        il.Emit(OpCodes.Box, ps[0]);
        il.Emit(OpCodes.Call, typeof(string).GetMethod("Concat", new[] { typeof(object), typeof(object) }));
        il.Emit(OpCodes.Ret);
        Type type = tb.CreateType();
        foreach (Type arg in new[] { typeof(int), typeof(string), typeof(DateTime) })
        {
            Type closed = type.MakeGenericType(arg);
            object o = Activator.CreateInstance(closed, arg == typeof(int) ? (object)7 : arg == typeof(string) ? "seven" : (object)new DateTime(7, 7, 7));
            object again2 = closed.GetMethod("Again").Invoke(o, null);
            Console.WriteLine("{0} {1}", closed, closed.GetField("list").FieldType);
            if (arg != typeof(DateTime)) Console.WriteLine(closed.GetMethod("Show").Invoke(again2, null));
        }
        Console.WriteLine("{0} {1} {2}", type.IsGenericTypeDefinition, type.GetGenericArguments()[0].Name, type.GetGenericArguments()[0].DeclaringType);

        TypeBuilder derived = module.DefineType("Base2`2", TypeAttributes.Public);
        GenericTypeParameterBuilder[] q = derived.DefineGenericParameters("K", "V");
        q[0].SetGenericParameterAttributes(GenericParameterAttributes.ReferenceTypeConstraint);
        q[1].SetBaseTypeConstraint(typeof(Animal));
        q[1].SetInterfaceConstraints(typeof(IDisposable), typeof(IComparable<>).MakeGenericType(q[0]));
        Type d = derived.CreateType();
        foreach (Type p in d.GetGenericArguments())
            Console.WriteLine("{0} {1}", p, p.GenericParameterAttributes);
    }

    static void GenericMethods()
    {
        Console.WriteLine("-- generic methods");
        TypeBuilder tb = module.DefineType("Methods", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        MethodBuilder mb = tb.DefineMethod("Pick", MethodAttributes.Public | MethodAttributes.Static);
        GenericTypeParameterBuilder[] ps = mb.DefineGenericParameters("A", "B");
        mb.SetParameters(ps[0], ps[1], typeof(bool));
        mb.SetReturnType(typeof(object));
        ILGenerator il = mb.GetILGenerator();
        Label second = il.DefineLabel();
        il.Emit(OpCodes.Ldarg_2);
        il.Emit(OpCodes.Brfalse, second);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Box, ps[0]);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(second);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Box, ps[1]);
        il.Emit(OpCodes.Ret);
        MethodBuilder use = tb.DefineMethod("Use", MethodAttributes.Public | MethodAttributes.Static, typeof(object), Type.EmptyTypes);
        il = use.GetILGenerator();
        il.Emit(OpCodes.Ldc_I4, 11);
        il.Emit(OpCodes.Ldstr, "eleven");
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Call, mb.MakeGenericMethod(typeof(int), typeof(string)));
        il.Emit(OpCodes.Ret);
        Type type = tb.CreateType();
        MethodInfo pick = type.GetMethod("Pick");
        Console.WriteLine(pick.MakeGenericMethod(typeof(int), typeof(string)));
        Console.WriteLine(pick.MakeGenericMethod(typeof(long), typeof(char)).Invoke(null, new object[] { 5L, 'c', true }));
        Console.WriteLine(type.GetMethod("Use").Invoke(null, null));
    }

    static void Mutual()
    {
        Console.WriteLine("-- mutual");
        TypeBuilder even = module.DefineType("Even", TypeAttributes.Public);
        TypeBuilder odd = module.DefineType("Odd", TypeAttributes.Public);
        MethodBuilder isEven = even.DefineMethod("Is", MethodAttributes.Public | MethodAttributes.Static, typeof(bool), new[] { typeof(int) });
        MethodBuilder isOdd = odd.DefineMethod("Is", MethodAttributes.Public | MethodAttributes.Static, typeof(bool), new[] { typeof(int) });
        foreach (bool atZero in new[] { true, false })
        {
            MethodBuilder mb = atZero ? isEven : isOdd, other = atZero ? isOdd : isEven;
            ILGenerator il = mb.GetILGenerator();
            Label more = il.DefineLabel();
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Brtrue_S, more);
            il.Emit(atZero ? OpCodes.Ldc_I4_1 : OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Ret);
            il.MarkLabel(more);
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Sub);
            il.Emit(OpCodes.Call, other);
            il.Emit(OpCodes.Ret);
        }
        odd.DefineField("peer", even, FieldAttributes.Public);
        even.DefineField("peer", odd, FieldAttributes.Public);
        Type e = even.CreateType(), o = odd.CreateType();
        Console.WriteLine("{0} {1}", e.GetMethod("Is").Invoke(null, new object[] { 100 }), o.GetMethod("Is").Invoke(null, new object[] { 100 }));
        Console.WriteLine("{0} {1}", e.GetField("peer").FieldType == o, o.GetField("peer").FieldType == e);
    }

    static void Nested()
    {
        Console.WriteLine("-- nested");
        TypeBuilder outer = module.DefineType("Outer", TypeAttributes.Public);
        TypeBuilder inner = outer.DefineNestedType("Inner", TypeAttributes.NestedPublic);
        TypeBuilder deep = inner.DefineNestedType("Deep", TypeAttributes.NestedPrivate | TypeAttributes.Sealed, typeof(ValueType));
        deep.DefineField("X", typeof(int), FieldAttributes.Public);
        inner.DefineField("D", deep, FieldAttributes.Public);
        Type o = outer.CreateType(), i = inner.CreateType(), d = deep.CreateType();
        Console.WriteLine("{0} {1} {2} {3}", o, i, d, d.DeclaringType.DeclaringType == o);
        Console.WriteLine(string.Join(",", o.GetNestedTypes().Select(t => t.FullName)));
        Console.WriteLine(assembly.GetType("Outer+Inner") == i);
        Console.WriteLine(i.GetField("D").GetValue(Activator.CreateInstance(i)));
    }

    static void Delegates()
    {
        Console.WriteLine("-- delegates");
        TypeBuilder tb = module.DefineType("Op", TypeAttributes.Public | TypeAttributes.Sealed, typeof(MulticastDelegate));
        tb.DefineConstructor(MethodAttributes.RTSpecialName | MethodAttributes.HideBySig | MethodAttributes.Public, CallingConventions.Standard, new[] { typeof(object), typeof(IntPtr) }).SetImplementationFlags(MethodImplAttributes.Runtime | MethodImplAttributes.Managed);
        tb.DefineMethod("Invoke", MethodAttributes.Public | MethodAttributes.HideBySig | MethodAttributes.NewSlot | MethodAttributes.Virtual, typeof(int), new[] { typeof(int), typeof(int) }).SetImplementationFlags(MethodImplAttributes.Runtime | MethodImplAttributes.Managed);
        Type op = tb.CreateType();
        Delegate max = Delegate.CreateDelegate(op, typeof(Math).GetMethod("Max", new[] { typeof(int), typeof(int) }));
        Console.WriteLine("{0} {1}", max.DynamicInvoke(3, 9), max.GetType());
    }

    static void Exceptions()
    {
        Console.WriteLine("-- exceptions");
        TypeBuilder tb = module.DefineType("Tries", TypeAttributes.Public);
        MethodBuilder mb = tb.DefineMethod("Divide", MethodAttributes.Public | MethodAttributes.Static, typeof(string), new[] { typeof(int), typeof(int) });
        ILGenerator il = mb.GetILGenerator();
        LocalBuilder text = il.DeclareLocal(typeof(string));
        LocalBuilder ex = il.DeclareLocal(typeof(Exception));
        il.BeginExceptionBlock();
        il.BeginExceptionBlock();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Div);
        il.Emit(OpCodes.Box, typeof(int));
        il.Emit(OpCodes.Callvirt, typeof(object).GetMethod("ToString"));
        il.Emit(OpCodes.Stloc, text);
        il.BeginCatchBlock(typeof(DivideByZeroException));
        il.Emit(OpCodes.Pop);
        il.Emit(OpCodes.Ldstr, "zero");
        il.Emit(OpCodes.Stloc, text);
        il.BeginCatchBlock(typeof(Exception));
        il.Emit(OpCodes.Stloc, ex);
        il.Emit(OpCodes.Ldloc, ex);
        il.Emit(OpCodes.Callvirt, typeof(object).GetMethod("GetType"));
        il.Emit(OpCodes.Callvirt, typeof(object).GetMethod("ToString"));
        il.Emit(OpCodes.Stloc, text);
        il.EndExceptionBlock();
        il.BeginFinallyBlock();
        il.EmitWriteLine("finally");
        il.EndExceptionBlock();
        il.Emit(OpCodes.Ldloc, text);
        il.Emit(OpCodes.Ret);
        Type type = tb.CreateType();
        Console.WriteLine(type.GetMethod("Divide").Invoke(null, new object[] { 42, 6 }));
        Console.WriteLine(type.GetMethod("Divide").Invoke(null, new object[] { 42, 0 }));
        Console.WriteLine(type.GetMethod("Divide").Invoke(null, new object[] { int.MinValue, -1 }));
    }

    static void Properties()
    {
        Console.WriteLine("-- properties");
        TypeBuilder tb = module.DefineType("Props", TypeAttributes.Public);
        FieldBuilder field = tb.DefineField("_name", typeof(string), FieldAttributes.Private);
        PropertyBuilder prop = tb.DefineProperty("Name", PropertyAttributes.HasDefault, typeof(string), null);
        MethodBuilder get = tb.DefineMethod("get_Name", MethodAttributes.Public | MethodAttributes.SpecialName | MethodAttributes.HideBySig, typeof(string), Type.EmptyTypes);
        ILGenerator il = get.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, field);
        il.Emit(OpCodes.Ret);
        MethodBuilder set = tb.DefineMethod("set_Name", MethodAttributes.Public | MethodAttributes.SpecialName | MethodAttributes.HideBySig, null, new[] { typeof(string) });
        il = set.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Stfld, field);
        il.Emit(OpCodes.Ret);
        prop.SetGetMethod(get);
        prop.SetSetMethod(set);
        MethodBuilder add = tb.DefineMethod("add_Changed", MethodAttributes.Public | MethodAttributes.SpecialName, null, new[] { typeof(EventHandler) });
        add.GetILGenerator().Emit(OpCodes.Ret);
        MethodBuilder remove = tb.DefineMethod("remove_Changed", MethodAttributes.Public | MethodAttributes.SpecialName, null, new[] { typeof(EventHandler) });
        remove.GetILGenerator().Emit(OpCodes.Ret);
        EventBuilder ev = tb.DefineEvent("Changed", EventAttributes.None, typeof(EventHandler));
        ev.SetAddOnMethod(add);
        ev.SetRemoveOnMethod(remove);
        MethodBuilder optional = tb.DefineMethod("Optional", MethodAttributes.Public | MethodAttributes.Static, typeof(int), new[] { typeof(int), typeof(string) });
        optional.DefineParameter(1, ParameterAttributes.Optional | ParameterAttributes.HasDefault, "a").SetConstant(17);
        optional.DefineParameter(2, ParameterAttributes.Optional | ParameterAttributes.HasDefault, "b").SetConstant("text");
        il = optional.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ret);
        FieldBuilder constant = tb.DefineField("Constant", typeof(long), FieldAttributes.Public | FieldAttributes.Static | FieldAttributes.Literal);
        constant.SetConstant(1234567890123L);
        Type type = tb.CreateType();
        object o = Activator.CreateInstance(type);
        PropertyInfo p = type.GetProperty("Name");
        p.SetValue(o, "me");
        Console.WriteLine("{0} {1} {2} {3}", p, p.GetValue(o), p.CanRead, p.CanWrite);
        Console.WriteLine("{0} {1}", type.GetEvent("Changed"), type.GetEvent("Changed").EventHandlerType);
        foreach (ParameterInfo q in type.GetMethod("Optional").GetParameters()) Console.WriteLine("{0} {1} {2} {3}", q, q.IsOptional, q.HasDefaultValue, q.DefaultValue);
        Console.WriteLine(type.GetField("Constant").GetRawConstantValue());
    }

    static void Attributes()
    {
        Console.WriteLine("-- attributes");
        ConstructorInfo text = typeof(MarkAttribute).GetConstructor(new[] { typeof(string) });
        ConstructorInfo many = typeof(MarkAttribute).GetConstructor(new[] { typeof(object[]), typeof(DayOfWeek) });
        var named = new CustomAttributeBuilder(text, new object[] { "type" }, new[] { typeof(MarkAttribute).GetProperty("Number") }, new object[] { 99 }, new[] { typeof(MarkAttribute).GetField("Kind") }, new object[] { typeof(Dictionary<string, int>) });
        TypeBuilder tb = module.DefineType("Marked", TypeAttributes.Public | TypeAttributes.Serializable);
        tb.SetCustomAttribute(named);
        tb.SetCustomAttribute(new CustomAttributeBuilder(many, new object[] { new object[] { "x", 1, DayOfWeek.Friday }, DayOfWeek.Monday }));
        FieldBuilder f = tb.DefineField("F", typeof(int), FieldAttributes.Public);
        f.SetCustomAttribute(new CustomAttributeBuilder(text, new object[] { "field" }));
        MethodBuilder m = tb.DefineMethod("M", MethodAttributes.Public, null, new[] { typeof(int) });
        m.SetCustomAttribute(new CustomAttributeBuilder(text, new object[] { null }));
        m.DefineParameter(1, ParameterAttributes.None, "p").SetCustomAttribute(new CustomAttributeBuilder(text, new object[] { "parameter" }));
        m.GetILGenerator().Emit(OpCodes.Ret);
        assembly.SetCustomAttribute(new CustomAttributeBuilder(text, new object[] { "assembly" }));
        Type type = tb.CreateType();
        foreach (MarkAttribute a in type.GetCustomAttributes(typeof(MarkAttribute), false).Cast<MarkAttribute>().OrderBy(a => a.Text))
            Console.WriteLine("{0} {1} {2}", a.Text, a.Number, a.Kind);
        Console.WriteLine(type.IsSerializable);
        Console.WriteLine(((MarkAttribute)type.GetField("F").GetCustomAttribute(typeof(MarkAttribute))).Text);
        Console.WriteLine(((MarkAttribute)type.GetMethod("M").GetCustomAttribute(typeof(MarkAttribute))).Text ?? "null");
        Console.WriteLine(((MarkAttribute)type.GetMethod("M").GetParameters()[0].GetCustomAttribute(typeof(MarkAttribute))).Text);
        Console.WriteLine(((MarkAttribute)assembly.GetCustomAttributes(typeof(MarkAttribute), false)[0]).Text);
        // An attribute class that is itself made here.
        TypeBuilder own = module.DefineType("OwnAttribute", TypeAttributes.Public, typeof(Attribute));
        ConstructorBuilder ctor = own.DefineDefaultConstructor(MethodAttributes.Public);
        own.CreateType();
        TypeBuilder user = module.DefineType("User", TypeAttributes.Public);
        user.SetCustomAttribute(new CustomAttributeBuilder(ctor, new object[0]));
        Console.WriteLine(user.CreateType().GetCustomAttributes(false)[0]);
    }

    static void Data()
    {
        Console.WriteLine("-- data");
        ModuleBuilder m = module;
        FieldBuilder data = m.DefineInitializedData("bytes", new byte[] { 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0 }, FieldAttributes.Public);
        MethodBuilder global = m.DefineGlobalMethod("Global", MethodAttributes.Public | MethodAttributes.Static, typeof(int[]), Type.EmptyTypes);
        ILGenerator il = global.GetILGenerator();
        il.Emit(OpCodes.Ldc_I4_3);
        il.Emit(OpCodes.Newarr, typeof(int));
        il.Emit(OpCodes.Dup);
        il.Emit(OpCodes.Ldtoken, data);
        il.Emit(OpCodes.Call, typeof(System.Runtime.CompilerServices.RuntimeHelpers).GetMethod("InitializeArray"));
        il.Emit(OpCodes.Ret);
        m.CreateGlobalFunctions();
        Console.WriteLine(string.Join(",", (int[])m.GetMethod("Global").Invoke(null, null)));
    }

    static void Names()
    {
        Console.WriteLine("-- names");
        Console.WriteLine(assembly.FullName);
        Console.WriteLine(assembly.GetName().Version);
        TypeBuilder tb = module.DefineType("Unfinished", TypeAttributes.Public);
        Console.WriteLine("{0} {1} {2}", tb, tb.IsClass, tb.MakeArrayType());
        try { Activator.CreateInstance(tb); } catch (Exception e) { Console.WriteLine(e.GetType()); }
        try { tb.GetMethods(); } catch (NotSupportedException) { Console.WriteLine("not supported"); }
        tb.CreateType();
        try { tb.DefineField("late", typeof(int), FieldAttributes.Public); } catch (InvalidOperationException) { Console.WriteLine("invalid operation"); }
        try { module.DefineType("Unfinished"); } catch (ArgumentException) { Console.WriteLine("duplicate"); }
    }

    static void Statics()
    {
        Console.WriteLine("-- statics");
        TypeBuilder tb = module.DefineType("Statics", TypeAttributes.Public);
        FieldBuilder a = tb.DefineField("A", typeof(int), FieldAttributes.Public | FieldAttributes.Static);
        FieldBuilder b = tb.DefineField("B", typeof(object), FieldAttributes.Public | FieldAttributes.Static);
        ConstructorBuilder cctor = tb.DefineTypeInitializer();
        ILGenerator il = cctor.GetILGenerator();
        il.Emit(OpCodes.Ldc_I4, 31337);
        il.Emit(OpCodes.Stsfld, a);
        il.Emit(OpCodes.Ldstr, "static text");
        il.Emit(OpCodes.Stsfld, b);
        il.Emit(OpCodes.Ret);
        MethodBuilder vararg = tb.DefineMethod("Lines", MethodAttributes.Public | MethodAttributes.Static, typeof(string), new[] { typeof(string[]) });
        il = vararg.GetILGenerator();
        il.Emit(OpCodes.Ldstr, "-");
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(string).GetMethod("Join", new[] { typeof(string), typeof(string[]) }));
        il.Emit(OpCodes.Ret);
        Type type = tb.CreateType();
        Console.WriteLine("{0} {1}", type.GetField("A").GetValue(null), type.GetField("B").GetValue(null));
        Console.WriteLine(type.GetMethod("Lines").Invoke(null, new object[] { new[] { "a", "b" } }));
    }
}
